"""Every reply of our own: a name, a code, an enhanced code (RFC 3463), and nothing about our inner life.

All other replies are the next hop's, word for word.
"""

from detector.mail.reply import Reply

# -- connections --
NOT_ALLOWED = Reply.of(554, "5.7.1", "Connections from this network are not accepted here")
TOO_MANY_CONNECTIONS = Reply.of(421, "4.7.0", "Too many connections, try again later")
TOO_MANY_FROM_CLIENT = Reply.of(421, "4.7.0", "Too many connections from this host, try again later")
TOO_MANY_COMMANDS = Reply.of(421, "4.7.0", "Too many commands in one session")
TOO_MANY_ERRORS = Reply.of(421, "4.7.0", "Too many errors in one session")
TIMEOUT = Reply.of(421, "4.4.2", "Timeout, closing the connection")
STOPPING = Reply.of(421, "4.3.2", "Service is shutting down, try again later")
BYE = Reply.of(221, "2.0.0", "Bye")

# -- commands --
OK = Reply.of(250, "2.0.0", "Ok")
CANNOT_VERIFY = Reply.of(252, "2.0.0", "Cannot verify here, send the message and it will be tried")
HELP = Reply.of(214, "2.0.0", "See RFC 5321")
START_DATA = Reply(354, ("End data with <CR><LF>.<CR><LF>",))
LINE_TOO_LONG = Reply.of(500, "5.5.2", "Line too long")
UNKNOWN_COMMAND = Reply.of(500, "5.5.1", "Command not recognised")
NOT_IMPLEMENTED = Reply.of(502, "5.5.1", "Command not implemented")
BAD_SYNTAX = Reply.of(501, "5.5.4", "Syntax error in the arguments")
BAD_ADDRESS = Reply.of(501, "5.1.7", "Syntax error in the address")
HELO_FIRST = Reply.of(503, "5.5.1", "Send HELO or EHLO first")
MAIL_FIRST = Reply.of(503, "5.5.1", "Send MAIL first")
NESTED_MAIL = Reply.of(503, "5.5.1", "A transaction is open already")
RCPT_FIRST = Reply.of(503, "5.5.1", "Send RCPT first")
NO_RECIPIENT_YET = Reply.of(450, "4.7.0", "No recipient was accepted so far, try again later")
NO_VALID_RECIPIENTS = Reply.of(554, "5.5.1", "No valid recipients")
NOT_AUTHORISED = Reply.of(550, "5.7.0", "This host may not use that command")
NOT_DURING_MAIL = Reply.of(503, "5.5.1", "Not during a mail transaction")
READY_FOR_TLS = Reply.of(220, "2.0.0", "Ready to start TLS")
TLS_REQUIRED = Reply.of(530, "5.7.0", "Send STARTTLS first")
TLS_UNAVAILABLE = Reply.of(454, "4.7.0", "TLS is not available")
TLS_ACTIVE = Reply.of(503, "5.5.1", "TLS is active already")

PROTOCOL_ERRORS = frozenset(
    {
        LINE_TOO_LONG,
        UNKNOWN_COMMAND,
        NOT_IMPLEMENTED,
        BAD_SYNTAX,
        BAD_ADDRESS,
        HELO_FIRST,
        MAIL_FIRST,
        NESTED_MAIL,
        RCPT_FIRST,
        NOT_AUTHORISED,
        NOT_DURING_MAIL,
        TLS_REQUIRED,
        TLS_ACTIVE,
    }
)
"""What counts as an error of the client; what the next hop refuses does not."""

# -- messages --
BARE_LINE_END = Reply.of(550, "5.5.2", "Bare CR or LF is not accepted; lines end with CR LF")
TOO_LARGE = Reply.of(552, "5.3.4", "Message is larger than the limit")
TOO_MANY_RECIPIENTS = Reply.of(452, "4.5.3", "Too many recipients in one transaction, send the rest in another")
NO_STORAGE = Reply.of(452, "4.3.1", "Insufficient storage, try again later")
LOCAL_ERROR = Reply.of(451, "4.3.0", "Local error, try again later")
NEXT_HOP_UNREACHABLE = Reply.of(451, "4.4.1", "The next server does not answer, try again later")

NEXT_HOP_CHANGED = Reply.of(451, "4.4.2", "The next server changed its mind on a recipient, try again later")

# -- decisions --
RECIPIENT_PACED = Reply.of(450, "4.7.1", "Too many new recipients at once, try this one again later")
MESSAGE_HELD = Reply.of(451, "4.7.1", "This message cannot be taken now, try again later")
"""For doubtful mail that cannot be kept here; when it is tried again, it is judged by what is known then."""

ACCOUNT_DEFERRED = Reply.of(450, "4.7.1", "Sending is suspended for this account, try again later")
ACCOUNT_SUSPENDED = Reply.of(550, "5.7.1", "Sending is suspended for this account")
IDENTITY_DEFERRED = Reply.of(450, "4.7.1", "The sending account is not known yet, try again later")
IDENTITY_REFUSED = Reply.of(550, "5.7.1", "The sending account is not known")


def queued(transaction_id: str) -> Reply:
    """For a message on hold. A thief shall not see that it is: so servers answer mail that they deliver."""
    return Reply.of(250, "2.0.0", f"Ok: queued as {transaction_id}")
