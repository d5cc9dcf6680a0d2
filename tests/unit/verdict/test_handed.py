"""What is kept of a transaction that was handed over."""

from detector.mail.address import Address
from detector.mail.delivery import RECIPIENT_BYTES
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.models import load_prior
from detector.traffic.memory import KnownRecipients, keyed_hash
from detector.traffic.profile import Profile
from detector.verdict.handed import handed
from detector.verdict.policy import Policy

KEY = b"k" * 32
BOB, CID, DAN = (Address.parse(f"{name}@y.example") for name in ("bob", "cid", "dan"))


def test_accepted_recipients_are_kept_as_hashes_with_who_of_them_is_new() -> None:
    statuses = ((BOB, RecipientStatus.ACCEPTED), (CID, RecipientStatus.ACCEPTED), (DAN, RecipientStatus.REFUSED))
    transaction = Transaction(
        "t1",
        "m1",
        Identity("ann", "test", trusted=True),
        "192.0.2.7",
        "pc",
        Address.parse("ann@x.example"),
        tuple(Recipient(address, status) for address, status in statuses),
        Stream.PERSONAL,
        100.0,
    )
    profile = Profile(known=KnownRecipients().add(KnownRecipients.hashed(BOB.key, KEY)))
    kept = handed(profile, transaction, 101.0, Policy(recipient_key=KEY, priors=load_prior()[0], model_version="test"))
    bob, cid = (keyed_hash(address.key, KEY, RECIPIENT_BYTES) for address in (BOB, CID))
    assert (kept.account, kept.transaction_id, kept.stream, kept.at) == ("ann", "t1", Stream.PERSONAL, 101.0)
    assert kept.recipients == {bob, cid}
    assert kept.first_time == {cid}
