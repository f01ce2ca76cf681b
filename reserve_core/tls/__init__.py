"""What https needs: the certificate that a server presents, and the local authority that this machine's browsers trust.

`served_certificate` is all that a configuration with files of its own takes. The rest needs the package cryptography,
and is imported when a certificate of this machine is made.
"""
