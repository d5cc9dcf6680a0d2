"""The stores that many processes share, and the link to where they are."""

from detector.ports import Secret
from detector.state.build import Builder, Stores
from detector.state.shared_campaigns import SharedCampaigns
from detector.state.shared_claims import SharedClaims
from detector.state.shared_client import open_client
from detector.state.shared_handed_over import SharedHandedOver
from detector.state.shared_heard import SharedHeard
from detector.state.shared_joins import SharedJoins
from detector.state.shared_link import Link
from detector.state.shared_news import SharedNews
from detector.state.shared_profiles import SharedProfiles
from detector.traffic.clock import DAY

KEEP_DECIDED = 30 * DAY
"""For so long a host may be cut off, and still not do again what others did."""


async def share(builder: Builder, secret: Secret | None) -> Stores:
    """Raises `ConfigError`. A server that is out of reach is no error: the mail goes by what this host knows."""
    config, stack, metrics = builder.config, builder.stack, builder.metrics
    state = config.state
    joins, handed_over = builder.joins(), builder.handed_over()  # while the server is away
    open_client(state, secret)  # what is wrong with the configuration is told before anything begins
    link = Link(lambda: open_client(state, secret), builder.key, state.timeout, metrics.state_degraded.labels("shared"))
    host = f"{config.relay.hostname} {state.directory}"
    claims = SharedClaims(link, "heard", host, builder.keep_marks)
    heard = SharedHeard(builder.heard_file, builder.keep_marks, claims)
    builder.closes(heard.close)
    profiles = SharedProfiles(link, state.keep_profiles, state.accounts, metrics)
    stores = Stores(
        profiles,
        SharedJoins(link, config.policy_service.remember_time, joins, builder.blocked, config.patience),
        SharedHandedOver(link, min(config.feedback.remember_time, state.keep_receipts), handed_over),
        SharedCampaigns(link, builder.key),
        heard,
        SharedNews(link),
        SharedClaims(link, "decided", host, KEEP_DECIDED),
        (joins.tidy, handed_over.tidy),
    )
    await link.start()
    stack.push_async_callback(link.stop)
    stack.push_async_callback(profiles.close)
    return stores
