"""Words by which a report is recognised where no field for programs says what it is; in the languages we have seen."""

import re

_FAILURE_SUBJECT = (
    "undeliver|delivery fail|delivery problem|delivery error|delivery status|delivery notification"
    "|delivery has failed|delivery report|failure notice|failed delivery|failure delivery|failure notification"
    "|returned mail|mail fail|mail delivery|mail system error|message delivery|permanent delivery failure"
    "|returned to sender|returning message|could not be delivered|could not send|cannot send|can't be delivered"
    "|not delivered|nondeliverable|non-delivery|nicht zugestellt|unzustellbar|zustellung fehlgeschlagen|non remis"
    "|échec|echec de la remise|no entregado|mancato recapito|impossibile recapitare|não entregue|user unknown"
    "|unknown user|mailbox full|delayed mail|warning: message|не доставлено|エラー|配信|送信できません|zwrot|niedoręcz"
    "|nie dostarczono|bounce|rejected mail|rejected message|mail blocked|message blocked|message rejected"
    "|notification of failed|mail refused"
)
_FAILURE_SAID = (
    "could not be delivered|couldn't be delivered|cannot be delivered|can not be delivered|can't be delivered"
    "|not be able to deliver|was not delivered|not been delivered|not yet been delivered|been delayed"
    "|unable to deliver|wasn't able to deliver|were unable to deliver|was unable to deliver|not able to deliver"
    "|failed to deliver|delivery failed|delivery has failed|delivery to the following|error delivering"
    "|delivery attempts|did not reach|undeliverable|following address|following recipient|recipients of your"
    "|delivery errors|permanent error|permanent fatal|fatal errors|transient non-fatal|returned to|bounced"
    "|user unknown|unknown user|unknown local part|no such user|no mailbox|no longer|does not exist|mailbox full"
    "|over quota|rejected|refused|transcript of session|smtp error|error message|generated following response"
    "|an error has occurred|not recognized|delivery error|delivery status|delivery failure|returned mail"
    '|undelivered|not accepted|delivery problem|type":"bounce|type\\":\\"bounce|nicht zugestellt'
    "|nicht zustellen|unzustellbar|n'a pas pu|impossible de|no se ha podido|no pudo|non è stato possibile"
    "|não pôde|nie mogła|nie może|nie istnieje|не может быть доставлено|できませんでした|invalid user|invalid final"
    "|your message to|problem delivering|was blocked|has been blocked"
)
_DELAY = (
    "will be retried|will continue|warning message only|warning only|this is just a warning|just a warning"
    "|not yet been delivered|still being retried|do not need to resend|postponed|continue to try|will keep trying"
    "|keep retrying|been delayed|delivery attempts will continue|attempts to deliver the message will"
)
_CHALLENGE = (
    "allowed list|approved sender|confirm that you|verify that you"
    "|click on the following link to have your address|waiting list|challenge|add you to|guest list|whitelist"
)
_AUTOMATIC_SUBJECT = (
    "out of office|out of the office|auto-reply|autoreply|auto reply|automatic reply|automatic response"
    "|auto-response|autoresponse|auto response|vacation|on holiday|away from|abwesen|automatische antwort"
    "|réponse automatique|absence du|respuesta automática|fuera de la oficina|risposta automatica"
    "|resposta automática|automatyczna odpowied|автоответ|afwezig|自動返信|自動応答|thank you for your|thanks for your"
    "|ticket received|we have received"
)

FAILURE_SUBJECT = tuple(_FAILURE_SUBJECT.split("|"))
FAILURE_SAID = tuple(_FAILURE_SAID.split("|"))
DELAY = tuple(_DELAY.split("|"))
CHALLENGE = tuple(_CHALLENGE.split("|"))
AUTOMATIC_SUBJECT = tuple(_AUTOMATIC_SUBJECT.split("|"))

DAEMON = re.compile(
    r"mailer[-_. ]?daemon|post[-_.]?master|mail[-_. ]deliver|delivery[-_. ]sub?system|mdaemon|system administrator"
    r"|no-?reply@sns\.amazonaws|^ndr@|interscan|imss@|antivirus|\bmail system\b|^bounce|mail[-_. ]?admin|^<>$",
    re.IGNORECASE,
)
"""In From: a program that delivers mail, or a postmaster."""

PASSED_ON = re.compile(r"[\s\[]*+(?:fwd?|wg|tr|rv|enc)[ \xa0]?:", re.IGNORECASE)
"""How mail programs begin the subject when people forward a message: English, German, French, Spanish, Portuguese."""

RETURNED_BELOW = re.compile(
    r"^[ \t>*#=_.+-]*+(?:below (?:this line )?is (?:a copy|the header)|this is a copy of (?:the|your) (?:message|mail)"
    r"|(?:start of )?(?:the )?(?:header of the )?original (?:message|mail)(?: headers?)?(?: is)?"
    r"(?: follow(?:s|ing))?[ .:]*-*$"
    r"|start of returned message|(?:un-?sent|returned|undelivered|failed) message(?: follows| below)?[ .:]*-*$"
    r"|message (?:headers?|text|body|contents?)(?: and body)? follows?|a summary of the undelivered message"
    r"|(?:the )?(?:headers?|first|beginning) of (?:the|your) (?:original |returned )?(?:message|mail)"
    r"|(?:message )?headers?[ -]+$|the message header|copy of (?:the|your) message)",
    re.IGNORECASE | re.MULTILINE,
)
"""A line after which the returned message stands."""

HEADER_BEGINS = re.compile(
    r"^(?:Received: ?(?:from|by|\()|Return-Path: ?<|DKIM-Signature: |X-Received: |Message-I[Dd]: ?<|X-Envelope-From: )",
    re.MULTILINE,
)
"""The first line of a header section that nothing announces."""


def says(text: str, words: tuple[str, ...]) -> bool:
    """Whether any of the words stands in the text; both in lower case."""
    return any(word in text for word in words)
