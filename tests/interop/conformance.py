"""The conformance table: requests, and what is decided of each, whoever asks.

A row says what the gate decides. A column's own traits (`callers.py`) say how its caller words it; where a caller does
something else, the row names it and says why. `{n}` is the request's mark; `spoofed` is a value that may reach nobody.
"""

from dataclasses import dataclass, field

from callers import HOST, PROXIES, Request

SPOOFED = "spoofed"


@dataclass(frozen=True)
class Differs:
    """What a caller does instead. Without a reason it answers itself, and asks nobody."""

    status: int
    why: str
    reason: str | None = None
    # As it is forwarded then.
    target: str | None = None
    # What arrives then, where it is something else.
    arrives: tuple | None = None


def differs(*rules):
    """(callers, status, why, reason) and so on, by the callers' names."""
    each = [((names,) if isinstance(names, str) else names, Differs(*rest)) for names, *rest in filter(None, rules)]
    return {name: how for names, how in each for name in names}


@dataclass(frozen=True)
class Row:
    name: str
    status: int
    reason: str
    # Of whom the upstream is told: a key of `IDENTITIES`. Of the token's, if it isn't said.
    who: str | None = None
    target: str = "/orders/{n}"
    method: str = "GET"
    token: str | None = "writer"
    # Pairs, or a function of the world, the method and the target.
    headers: object = ()
    hosts: tuple = (HOST,)
    body: bytes = b""
    version: str = "HTTP/1.1"
    # Turns the bytes of the request's head into those that are sent.
    wire: object = None
    # What the upstream has to get (header, value); None for none of that name.
    arrives: tuple = ()
    # The target that arrives, where it is another.
    forwarded: str | None = None
    differs: dict = field(default_factory=dict)

    def request(self, world, mark):
        target = self.target.replace("{n}", mark)
        token = self.token and world.tokens[self.token]
        headers = [("Host", host) for host in self.hosts]
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        more = self.headers(world, self.method, target) if callable(self.headers) else self.headers
        # A signed request names its host itself.
        headers += [(name, value) for name, value in more if name != "Host"]
        if self.body and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
            headers.append(("Content-Length", str(len(self.body))))
        request = Request(self.method, target, tuple(headers), self.body, self.version)
        if self.wire:
            wire = self.wire(request.head(), mark).encode("latin-1")
            request = Request(self.method, target, tuple(headers), self.body, self.version, wire)
        return request

    def of_the_wire(self):
        """Whether it is about bytes, which nobody is told of who is only asked."""
        return self.wire is not None or "://" in self.target

    def caller(self, reason):
        """Of whom the upstream is told."""
        return "nobody" if reason == "public_route" else self.who or self.token

    def by(self, caller):
        """How this caller differs, if it does."""
        if caller.name in self.differs:
            return self.differs[caller.name]
        if self.reason == "no_route" and caller.routes_itself:
            return Differs(404, "what no route takes is not asked about")
        return None


def denied(name, reason, status=400, **more):
    return Row(name, status, reason, **more)


def allowed(name, reason="allowed_by_policy", who=None, **more):
    return Row(name, 200, reason, who=who, **more)


# Whom the upstream is told of: role and groups.
IDENTITIES = {
    "writer": ("Writer", "writers"),
    "reader": ("Reader", "readers"),
    "plain": ("Authenticated", ""),
    # Where no engine decides, nobody needs a role.
    "token": ("", "readers"),
    "cedar": ("", ""),
    "signed": ("Writer", ""),
    "writer-id": ("Writer", "writers"),
    "nobody": None,
}


HTTP_DIALECTS = PROXIES[1:]
# Those that take out what they can name.
NAMED = tuple(name for name in HTTP_DIALECTS if name != "envoy-http")
GO = ("traefik", "caddy")
NO_BODY = "has no body to verify the signature with"


def itself(status, why, *names):
    return (names, status, why)


def unreadable(*names, status=400):
    """Of what these programs can't read either."""
    return (names, status, "refuses it while it reads the head")


def withheld(*names):
    return (names, 403, NO_BODY, "body_withheld")
