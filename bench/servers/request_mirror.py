"""Request Mirror, from its checkout, with a mirror that exists. Arguments: the checkout, port, Redis's URL, the code.

Its own Python runs this.
"""

import os
import sys

checkout, port, redis, code = sys.argv[1:]
os.environ["REDIS_URL"] = redis
os.chdir(checkout)
sys.path.insert(0, checkout)

from app import app, socketio  # type: ignore[import-not-found]  # noqa: E402
from mirror.store import create_or_update_mirror  # type: ignore[import-not-found]  # noqa: E402

create_or_update_mirror(code)
socketio.run(app, host="127.0.0.1", port=int(port))
