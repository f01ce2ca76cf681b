"""`reserve listen`: sends the requests that a mirror has recorded on to a server that the mirror can't reach."""
