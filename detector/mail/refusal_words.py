"""What servers write beside their codes when they refuse a recipient: words for each cause.

All in lower case and with single blanks. Comments name where a group is said; the rest is common among MTAs.
"""


def _words(text: str) -> tuple[str, ...]:
    """What stands between bars; a line that begins with `-- ` is a comment."""
    lines = [line.strip() for line in text.split("\n") if not line.startswith("-- ")]
    return tuple(word.replace("_", " ") for line in lines for word in line.split("|") if word)


# An underscore is a blank at the end of a word, where it would be lost to the eye.
REPUTATION = _words(
    """
-- Microsoft, Outlook.com postmaster page and Exchange Online: SC-001, DY-001, OU-001, S3140, S3150, 5.7.606
block list|weren't sent|banned sending ip|due to ip reputation|the mail server ip connecting to
-- Gmail, "SMTP errors and codes" (support.google.com/a/answer/3726730)
originating from your ip|ip address has been temporarily blocked|low reputation|does not have a ptr
missing a valid reverse dns|ipv6 sending guidelines
-- Yahoo, "SMTP error codes" (senders.yahooinc.com/smtp-error-codes)
[ts01]|[ts02]|[ts03]|[tss0|[bl2|permanently deferred|unexpected volume or user complaints
connections will not be accepted from
-- DNS block lists, as Postfix, Exim and others quote them
blocked using|listed at_|is listed in_|currently listed|are listed|listed by_|listed on_|spamhaus|spamcop
barracudacentral|sorbs.net|dnsbl|_rbl|blocklist|blackhole list|realtime block|real-time block|reputation
senderbase|your ip_|your ip:|from your ip|ip blocked|ip blacklist|ip address blacklist|client host blocked
adresse ip|blacklisted ip|ip for sending mail|your mail server has been|your server has been|open relay|(bl)
mismatches client ip|not accepting connections|dynamic ip|dynamic/generic|residential|bad ip|blocked ip
-- names and reverse names of hosts (RFC 1912 section 2.1)
reverse dns|reverse hostname|reverse lookup|rdns|ptr record|no ptr|ptr lookup|your hostname|client host rejected
helo command rejected|resolve your ip|unverifyable sending ip
-- dynamic addresses: who asks us to use somebody else's server means ours
smtp server of your isp|your isp's smtp|relay quota
"""
)
FULL = _words(
    """
mailbox full|mailbox is full|mailbox has exceeded|mailbox exceed|mailbox size limit|mail box full
mailfolder is full|inbox is full|inbox full|account is full|user is full|mailbox for user is full|over quota
overquota|over the quota|over their quota|out of storage|quota exceeded|quota exceed|quota is exceeded
quota has been exceeded|exceeded quota|exceeded his quota|exceeded storage allocation|exceeded the storage
exceeds quota|exceeds allowed quota|exceeded the local limit|exceeded his/her|disk quota|storage quota
quota full|full mailbox|not enough storage|exceeded its quota|exceeded their|exceeded the quota
insufficient system storage|mailbox would exceed
-- the same in other languages
boîte aux lettres pleine|boite du destinataire pleine|buzón lleno|casella piena|postfach ist voll|mailbox voll
caixa postal cheia|ящик переполнен|一杯
"""
)
USER = _words(
    """
5.1.0 address rejected|recipient address rejected
no mx record|no mx found|address not found|couldn't be found|could not be found|no mail box|not an active
name or service not known|is frozen|domain is not reachable|user unknown|unknown user|unknown local user
unknown local part|unknown local-part|unknown recipient|unknown address|unknown email|unknown account
unknown mailbox|unknown or illegal|unknown or invalid|recipient unknown|recipient not found|recipientnotfound
recipient name is not recognized|recipient no longer|recipient is invalid|recipient does not|not accept email
no email is accepted|addressee unknown|address unknown|user not known|user not found|user does not|user doesn't
user not exist|user is not|user disabled|usernotfound|no such_|no mailbox|no account by|no valid recipient
not a valid_|not a known|not a local|not in my list|isn't in my list|not listed in|not found in directory
_not exist|doesn't exist|does not have a_|doesn't have a_|mailbox unavailable|mailbox not found
mailbox not available|mailbox disabled|mailbox is disabled|mailbox is inactive|mailbox is blocked
mailbox unknown|invalid mailbox|invalid recipient|invalid user|invalid address|invalid local
invalid final delivery userid|account disabled|account is disabled|account has been disabled
account has been suspended|account inactive|account is inactive|account is not active|account is locked
disabled recipient|account is blocked|temporary locked|account closed|account expired|disabled or discontinued
no longer in use|no longer valid|no longer available|no longer active|no longer works here|mailbox has moved
has moved, no forwarding|is inactive|temporarily suspended|is not hbc e-mail users|unrouteable address
unrouteable mail domain|bad destination|bad address|malformed address|illegal user|illegal alias|host unknown
host not found|host or domain name not found|domain not found|domain name not found|domain does not
couldn't find any host|name service error for|dns lookup failure|not our customer|unknown in virtual
unknown in local|unknown in relay|bad-destination-mailbox|check if address is correct
mailbox temporarily disabled|not a user|user suspended|unknown virtual
-- the same in other languages
adressat unbekannt|empfänger unbekannt|existiert nicht|nicht vorhanden|utilisateur inconnu|destinataire inconnu
adresse inconnue|n'existe pas|usuario desconocido|no existe|utente sconosciuto|non esiste|usuário desconhecido
não existe|nie ma takiego|nie istnieje|не существует|не найден|не знайден|adresse d au moins un destinataire
見つからない
"""
)
POLICY = _words(
    """
spam|unsolicited|junk mail|bulk mail|virus|malware|trojan|phish|policy|policies|dmarc|dkim|spf fail|spf)
spf check|sender policy framework|unauthenticated|authentication check|authentication failed
authentication information|content rejected|content reject|content filter|message content|message rejected
message refused|mail rejete|header error|unroutable sender|blacklist|black list|blocked by|has been blocked
blocked for|is blocked|denied due|administrative prohibition|administratively|not accepting mail|not accept mail
not accepted from|access denied|relaying denied|relay access denied|permitted to relay|smtp authentication
requires confirmation|by destination|bad spf|no access from|sender rejected|sender address rejected
sender verify|sender denied|permission to post|not authorized|not permitted|not allowed|prohibited|suspicious
uribl|surbl|banned|spamscore|unwelcome|does not want|message filtered|domain filter|accept only|only accepts|denied by
restrict|you have been blocked|suspect|harmful|rejected for|provide a valid from
"""
)
GREYLIST = _words(
    """
greylist|graylist|grey list|gray list|postgrey|receiving mail too quickly|receiving mail at a rate
"""
)
SLOWED = _words(
    """
spam|unsolicited|junk mail|bulk mail|suspicious|this sender|sender rate|sending rate|rate of sender|sender limit
sender has|from your account|user complaints
"""
)
"""Beside "not now": what is put off is put off because of the mail, or of who sends it."""
LATER = _words(
    """
try again|try later|come back later|temporar|timed out|timeout|time out|in the queue too long
too many recipients|too many connections|too many concurrent|too many messages|too quickly|rate limit
connection refused|connection reset|connection dropped|lost connection|connection closed|no route to host
not reachable|unreachable|could not be contacted|did not accept our requests to connect|did not respond
not responding|unable to contact|wasn't able to establish|failing for a long time|expired|unavailable or busy
deferred|not yet been delivered|delayed|currently unavailable|has not been delivered|service unavailable|for more than
"""
)
TOO_BIG = _words(
    """
too large|too big|message size|size limit exceeded|mail size|length exceeds|line limit|exceeds size
exceeds the maximum|exceeds limit|larger than|maximum message|exceeded maximum|exceeds fixed
"""
)
"""Limits of one message, or of us: they look like a full mailbox."""
