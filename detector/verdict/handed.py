"""What is kept of a transaction that the next hop took over, until its results come."""

from itertools import compress

from detector.mail.delivery import RECIPIENT_BYTES, Handed
from detector.mail.transaction import ACCEPTED, Transaction
from detector.traffic.counting import as_believed, is_known
from detector.traffic.memory import keyed_hash
from detector.traffic.profile import Profile
from detector.verdict.policy import Policy


def handed(profile: Profile, transaction: Transaction, now: float, policy: Policy) -> Handed:
    """The accepted recipients, and who of them is new to the account by its profile before it learns of them."""
    transaction = as_believed(profile, transaction, now, policy.recipient_key)
    accepted = [one.address for one in transaction.recipients if one.status is ACCEPTED]
    hashes = [keyed_hash(address.key, policy.recipient_key, RECIPIENT_BYTES) for address in accepted]
    strangers = [not is_known(profile, address, policy.recipient_key) for address in accepted]
    return Handed(
        transaction.identity.account,
        transaction.transaction_id,
        transaction.stream,
        now,
        frozenset(hashes),
        frozenset(compress(hashes, strangers)),
        transaction.identity.trusted,
    )
