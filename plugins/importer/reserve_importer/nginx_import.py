"""nginx's server blocks as configurations: one for each address and port that they listen on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from reserve_core import ConfigError, Problem

from .leftovers import Leftovers, Mapping, Untranslatable
from .nginx_directives import is_same, passed_over
from .nginx_hosts import HostCondition, catches, host_conditions, joined, server_names
from .nginx_locations import Locations
from .nginx_reader import Directive, read_nginx
from .nginx_scope import Scope, name_leftovers, size
from .url_patterns import NeedsHost


@dataclass(slots=True)
class _Listener:
    """An address with the servers that listen there; the default one is asked for unknown hosts."""

    hostname: str
    port: int
    servers: list[Scope] = field(default_factory=list)
    default: Scope | None = None
    ssl: bool = False


def import_nginx(path: Path, base: Path, leftovers: Leftovers) -> dict[int, Mapping]:
    """The configurations by their ports, with paths relative to the folder `base`. Raises `ConfigError`."""
    return _NginxImport(path, base, leftovers).configurations()


class _NginxImport:
    def __init__(self, path: Path, base: Path, leftovers: Leftovers) -> None:
        self._leftovers = leftovers
        directives = read_nginx(path, leftovers)
        main = Directive("main", (), str(path), 1, tuple(directives))
        self._main = Scope((main,), leftovers, path.parent.resolve(), base.resolve())
        self._upstreams: dict[str, str] = {}
        self._listeners: dict[int, _Listener] = {}

    def configurations(self) -> dict[int, Mapping]:
        name_leftovers(self._main)
        for directive in self._main.own.block or ():
            if directive.name == "http":
                self._http(self._main.within(directive))
            elif directive.name == "upstream":
                self._upstream(directive)
        self._http(self._main, named=True)
        if not self._listeners:
            main = self._main.own
            problem = Problem("There is no server block in it", "Name the file that has one", main.file)
            raise ConfigError([*self._leftovers.problems, problem])  # an include that was passed over may be why
        return {port: self._configuration(listener) for port, listener in sorted(self._listeners.items())}

    def _http(self, scope: Scope, named: bool = False) -> None:
        if not named:
            name_leftovers(scope)
        for directive in scope.own.all("upstream"):
            self._upstream(directive)
        for directive in scope.own.all("server"):
            self._listen(scope.within(directive))

    def _upstream(self, directive: Directive) -> None:
        servers = directive.all("server")
        scope = self._main.within(directive)
        for each in directive.block or ():
            if each.name != "server" and not is_same(each):
                fate = passed_over(each)
                scope.add(each, fate.reason if fate else "it isn't known", fate.instead if fate else None)
        if servers and servers[0].args:
            self._upstreams[directive.args[0]] = servers[0].args[0]
        for each in servers[1:]:
            scope.add(each, "nothing is balanced between servers: the first one gets all requests")
        for each in servers[:1]:
            if each.args[1:]:
                scope.add(each, f"{' '.join(each.args[1:])} is for several servers")

    def _listen(self, scope: Scope) -> None:
        for directive in scope.own.all("listen") or [Directive("listen", ("80",), scope.own.file, scope.own.line)]:
            address, *options = directive.args
            found = re.fullmatch(r"(?:(\*|[\w.-]+|\[[0-9a-fA-F:]+\]):)?(\d+)|(\*|[\w.-]+|\[[0-9a-fA-F:]+\])", address)
            if found is None or (found[1] or found[3] or "").startswith("["):
                scope.add(directive, "a server listens on one address, of IPv4 where there is one", 'Write "hostname"')
                continue
            host, port = found[1] or found[3] or "*", int(found[2] or 80)
            hostname = "0.0.0.0" if host == "*" else host  # noqa: S104  (what nginx listens on)
            if port > 65535:
                raise ConfigError(Problem(f"{port} is no port", "Mend it: nginx -t", directive.file, directive.line))
            listener = self._listeners.setdefault(port, _Listener(hostname, port))
            if listener.hostname != hostname:
                scope.add(directive, f"port {port} is listened to on {listener.hostname} already", 'Write "hostname"')
                listener.hostname = "0.0.0.0"  # noqa: S104
            listener.servers.append(scope)
            listener.ssl |= "ssl" in options
            if {"default_server", "default"} & set(options):
                listener.default = scope
            for option in options:
                if option not in ("ssl", "default_server", "default", "reuseport", "deferred") and "=" not in option:
                    scope.add(directive, f"{option} isn't served", "Put a proxy in front of the server")

    def _configuration(self, listener: _Listener) -> Mapping:
        default = listener.default or listener.servers[0]
        configuration: Mapping = {"port": listener.port, "hostname": listener.hostname}
        if listener.ssl:
            configuration["ssl"] = self._certificate(listener)
        limit = self._limit(listener)
        if limit is not None:
            configuration["limits"] = {"max-body": limit}
        conditions = [self._conditions(server, position) for position, server in enumerate(listener.servers)]
        known = {"scheme": "https" if listener.ssl else "http", "server_port": str(listener.port)}
        ordered: list[tuple[tuple[int, int, int], list[Mapping]]] = []
        for position, server in enumerate(listener.servers):
            others = [each for index, found in enumerate(conditions) if index != position for each in found]
            if server is default and not any(catches(each, own) for own in conditions[position] for each in others):
                continue  # it is what is left
            found = joined(conditions[position], others)
            ordered += [(condition.rank, self._mappings(server, condition, known)) for condition in found]
        ordered.sort(key=lambda pair: pair[0])
        mappings = [mapping for _, found in ordered for mapping in found]
        configuration["mappings"] = mappings + self._mappings(default, None, known)
        return configuration

    def _conditions(self, server: Scope, position: int) -> list[HostCondition]:
        try:
            return host_conditions(server.own, position)
        except Untranslatable as error:
            server.add(server.own.all("server_name")[0], str(error), error.instead)
            return []

    def _certificate(self, listener: _Listener) -> Mapping:
        pairs = {
            (server.words("ssl_certificate"), server.words("ssl_certificate_key")): server
            for server in listener.servers
            if server.words("ssl_certificate")
        }
        if not pairs:
            own = listener.servers[0].own
            raise ConfigError(
                Problem("A server with ssl has no ssl_certificate", "Mend it: nginx -t", own.file, own.line)
            )
        first, *others = pairs.items()
        for _, server in others:
            server.add(server.own.all("ssl_certificate")[0], "a port has one certificate", "Use one for all names")
        (cert, key), server = first
        return {"cert": server.path(cert[0]), "key": server.path(key[0] if key else cert[0])}

    def _limit(self, listener: _Listener) -> int | None:
        name = "client_max_body_size"
        sizes: dict[int, Scope] = {}
        for server in listener.servers:
            if text := server.word(name):
                try:
                    sizes.setdefault(size(text), server)
                except Untranslatable as error:
                    server.add(server.all(name)[-1], str(error), error.instead)
        for server in list(sizes.values())[1:]:
            server.add(server.all(name)[-1], "there is one limit for all servers of a port")
        return max(sizes, default=0) or None

    def _mappings(self, server: Scope, condition: HostCondition | None, known: dict[str, str]) -> list[Mapping]:
        """The mappings of one server for some hosts, or for all that are left; one by one where they need the host."""
        names = [name for name in server_names(server.own) if re.fullmatch(r"[\w.-]+", name)]
        known = {**known, "server_name": names[0] if names else "", **({"*": ""} if condition is None else {})}
        host = None if condition is None else condition.host
        try:
            return _on(host, Locations(server, self._upstreams, known).mappings())
        except NeedsHost:
            mappings = []
        for name in names if condition is None else condition.names:
            here = Locations(server, self._upstreams, {**known, "host": name, "http_host": name})
            mappings += _on(name, here.mappings())
        if condition is None or not condition.names:
            mappings += _on(host, Locations(server, self._upstreams, known, any_host=True).mappings())
        return mappings


def _on(host: object, mappings: list[Mapping]) -> list[Mapping]:
    return mappings if host is None else [{"host": host, **mapping} for mapping in mappings]
