"""What the configuration names on this host: directories, addresses to listen on, the certificate, model files."""

import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

from detector.cli.finding import Finding, hint, ok, problem
from detector.cli.words import counted
from detector.config import Config, ConfigError, HostPort, Network
from detector.models import ModelError, load_content, load_prior
from detector.relay.hosts import allowed
from detector.tls import relay_context, server_context

PATIENCE = 5.0
DAY = 86_400.0
SOON = 14.0
"""Days before a certificate's end from which on we speak of it."""
ANY_POLICY_REQUEST = b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n\n"


def check_directories(config: Config) -> Iterator[Finding]:
    if os.geteuid() == 0:
        yield hint(
            "user", "you are root, who may write everywhere: better ask as the service's user, with sudo -u USER"
        )
    yield _directory("state.directory", config.state.directory)
    yield _directory("relay.spool_directory", config.spool_directory)
    yield _directory("hold.directory", config.hold_directory)


def _directory(about: str, path: Path) -> Finding:
    if not path.exists():
        above = next(parent for parent in path.parents if parent.exists())
        if os.access(above, os.W_OK | os.X_OK):
            return ok(about, f"{path} is not there yet and can be made")
        return problem(about, f"{path} cannot be made in {above}: make it, and give it to the service's user")
    if not path.is_dir():
        return problem(about, f"{path} is no directory: move it away or name another")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return problem(about, f"{path} is not writable for this user: give it to the service's user")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return hint(about, f"{path} can be entered by others (mode {mode:o}); it tells who writes to whom: chmod 700")
    return ok(about, f"{path} is writable")


def check_addresses(config: Config) -> Iterator[Finding]:
    """Each address is free, or our own running server answers there."""
    running = _detector_runs(config.metrics.listen)
    yield _address("metrics.listen", config.metrics.listen, running, "the health page answers")
    for address in config.relay.listen:
        yield _address("relay.listen", address, running, "", config.relay.proxy_clients)
    for address in config.policy_service.listen:
        yield _address("policy_service.listen", address, running, "", config.policy_service.proxy_clients)
    for address in config.feedback.listen:
        yield _address("feedback.listen", address, running, "")


def _address(about: str, address: HostPort, running: bool, answer: str, proxies: tuple[Network, ...] = ()) -> Finding:
    try:
        _bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and running:
            return _answers(about, address, answer, proxies)
        return problem(about, f"{address} cannot be listened on: {_why(error)}")
    if running:
        return hint(about, f"{address} is free although a detector runs: it was started with another configuration")
    return ok(about, f"{address} can be listened on")


def _bind(address: HostPort) -> None:
    family, kind, protocol, _, where = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "its host name leads to no address"
    reasons = {
        errno.EADDRINUSE: "another program does, or systemd for a detector that does not run; `ss -ltnp` tells",
        errno.EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "this host does not have that address",
    }
    return reasons.get(error.errno or 0, error.strerror or str(error))


def _detector_runs(metrics: HostPort) -> bool:
    try:
        with urlopen(f"http://{metrics}/health/live", timeout=PATIENCE) as answer:
            return bool(answer.read(100).strip() == b"alive")
    except (OSError, ValueError):
        return False


def _answers(about: str, address: HostPort, answer: str, proxies: tuple[Network, ...]) -> Finding:
    if answer:
        return ok(about, f"{address}: a detector runs, {answer}")
    asks = about == "policy_service.listen"
    try:
        with socket.create_connection((address.host, address.port), PATIENCE) as connection:
            if allowed(connection.getsockname()[0], proxies):
                return ok(about, f"{address}: a detector runs, and awaits a PROXY header from this host")
            if asks:
                connection.sendall(ANY_POLICY_REQUEST)
            line = connection.recv(512).decode("ascii", "replace").strip()
    except OSError as error:
        return problem(about, f"{address}: a detector runs and does not answer here: {error}")
    if line.startswith("action=DUNNO" if asks else "220 "):
        return ok(about, f"{address}: a detector runs and answers '{line}'")
    return hint(about, f"{address}: a detector runs; this host is not among its clients and hears '{line}'")


def check_certificate(config: Config, now: float) -> Iterator[Finding]:
    tls, about = config.relay.tls, "relay.tls"
    if tls.mode == "off" or tls.certificate is None:
        loopback = all(network.is_loopback for network in config.relay.clients)
        if not loopback:
            yield hint(about, "off, and clients are other hosts: mail and addresses travel in clear; mode = 'may'")
        return
    try:
        relay_context(tls)
        context = server_context(tls)
    except ConfigError as error:
        yield problem(about, str(error))
        return
    if context is not None:
        yield _certificate(about, context, tls.certificate, config.relay.hostname, now)


def _certificate(about: str, context: ssl.SSLContext, path: Path, hostname: str, now: float) -> Finding:
    try:
        ends_at = _valid_until(context, path, hostname)
    except ssl.SSLCertVerificationError as error:
        if "ostname mismatch" in error.verify_message or "IP address mismatch" in error.verify_message:
            return hint(about, f"{path} is not for the name {hostname}: clients that verify will not send")
        return problem(about, f"{path}: {error.verify_message}: renew it, then reload the service (SIGHUP)")
    except (OSError, ValueError) as error:
        return problem(about, f"{path} cannot be used: {error}")
    days = int((ends_at - now) / DAY)
    if days < SOON:
        return hint(about, f"{path} ends in {counted(days, 'day')}: renew it, then reload the service (SIGHUP)")
    return ok(about, f"{path} is valid for {hostname}, {counted(days, 'more day')}")


def _valid_until(server_side: ssl.SSLContext, path: Path, hostname: str) -> float:
    """A handshake in memory: the library reads certificates only where it verifies one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate itself is what we trust here
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(down, up, server_hostname=hostname.strip("[]"))
    server = server_side.wrap_bio(up, down, server_side=True)
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    certificate = client.getpeercert()
    if not certificate:
        msg = "no certificate was shown"
        raise ValueError(msg)
    return float(ssl.cert_time_to_seconds(str(certificate["notAfter"])))


def check_models() -> Iterator[Finding]:
    """What is usual for all accounts, and the text model."""
    yield _model(lambda: load_prior()[1])
    yield _model(lambda: load_content()[2])


def _model(version: Callable[[], str]) -> Finding:
    try:
        return ok("models", f"{version()}: every file has the SHA-256 of its card")
    except ModelError as error:
        return problem("models", str(error))
