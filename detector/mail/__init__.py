"""The words of RFC 5321 and RFC 5322, without any opinion: address, envelope, reply, message, transaction."""
