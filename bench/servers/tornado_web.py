"""A tornado.web Application. Arguments: port, and how many rules stand before the one that answers."""

import sys

from tornado.ioloop import IOLoop
from tornado.web import Application, ErrorHandler, RequestHandler, StaticFileHandler


class Hello(RequestHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/plain")
        self.write("hello")


def main(port: int, before: int) -> None:
    Application(
        [
            *((rf"/route-{number}/.*", ErrorHandler, {"status_code": 404}) for number in range(before)),
            (r"/hello", Hello),
            (r"/files/(.*)", StaticFileHandler, {"path": "files"}),
        ],
        log_function=lambda handler: None,
    ).listen(port, "127.0.0.1")
    IOLoop.current().start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
