"""What STARTTLS needs, on both sides."""

import ssl

from detector.config import ClientTls, ConfigError, ServerTls


def relay_context(tls: ServerTls) -> ssl.SSLContext | None:
    """For those who send mail through us: as below, and with `client_ca` a handshake needs a certificate of it."""
    context = server_context(tls)
    if context is not None and tls.client_ca is not None:
        try:
            context.load_verify_locations(tls.client_ca)
        except OSError as error:  # ssl.SSLError is one
            msg = f"relay.tls.client_ca: {tls.client_ca} cannot be used: {error}"
            raise ConfigError(msg) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def server_context(tls: ServerTls) -> ssl.SSLContext | None:
    """The certificate that clients are shown; None if TLS is off. Raises `ConfigError`.

    Python's choice of ciphers leaves those that keep what was sent secret when the key is lost, without SHA-1.
    """
    if tls.mode == "off" or tls.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:  # ssl.SSLError is one
        msg = f"relay.tls: {tls.certificate} and {tls.key} cannot be used: {error}"
        raise ConfigError(msg) from error
    return context


def client_context(tls: ClientTls) -> ssl.SSLContext | None:
    """For connections to the next hop; None if TLS is off. Raises `ConfigError` if `ca_file` cannot be used."""
    if tls.mode == "off":
        return None
    if tls.mode == "verify":
        try:
            return ssl.create_default_context(cafile=tls.ca_file)
        except OSError as error:  # ssl.SSLError is one
            msg = f"next_hop.tls.ca_file: {tls.ca_file} cannot be used: {error}"
            raise ConfigError(msg) from error
    # Opportunistic TLS keeps out those who only listen; there is no name to check (RFC 7435).
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
