"""Every Prometheus metric with its help text. No label ever holds an account, an address or free text."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

DECISION_BUCKETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1.0)
NETWORK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
RESPONSE_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)


class Metrics:
    """All metrics of one process, on a registry of their own."""

    def __init__(self, version: str) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        Gauge(
            "detector_build_info", "Always 1; the label tells the running version.", ["version"], registry=registry
        ).labels(version).set(1)

        # -- what passes and what is stopped --
        self.transactions = Counter(
            "detector_transactions",
            "Transactions by what the ladder said and by what the client was told in the end: "
            "accepted, held, deferred (4xx), rejected (5xx), aborted (no DATA or connection lost).",
            ["verdict", "outcome"],
            registry=registry,
        )
        self.reasons = Counter(
            "detector_refusal_reasons",
            "Negative replies of our own (not the next hop's), by reason.",
            ["reason"],
            registry=registry,
        )
        self.recipients = Counter(
            "detector_recipients",
            "Recipients by result: passed (handed to the next hop with a message it accepted), paced (recipient window "
            "full), refused (by the next hop at RCPT), held (with their message), stopped (accepted at RCPT, then not "
            "their message).",
            ["result"],
            registry=registry,
        )
        self.identities = Counter(
            "detector_identities",
            "Transactions by the source that told the account; none: identity unknown.",
            ["source"],
            registry=registry,
        )
        self.evidence = Counter(
            "detector_evidence_nats",
            "Positive evidence summed over transactions, in nats, by group: what the verdicts are made of.",
            ["group"],
            registry=registry,
        )

        # -- how fast --
        self.decision_seconds = Histogram(
            "detector_decision_seconds",
            "Time to judge one transaction, without waiting for the network.",
            buckets=DECISION_BUCKETS,
            registry=registry,
        )
        self.next_hop_seconds = Histogram(
            "detector_next_hop_seconds",
            "Time until the next hop answered, by command.",
            ["command"],
            buckets=NETWORK_BUCKETS,
            registry=registry,
        )

        # -- the relay --
        self.client_connections = Gauge("detector_client_connections", "SMTP clients connected now.", registry=registry)
        self.connections_refused = Counter(
            "detector_connections_refused",
            "Connections turned away, by reason: not_allowed (client network), limit, limit_per_client, "
            "proxy_header (a load balancer did not say whom it speaks for).",
            ["reason"],
            registry=registry,
        )
        self.next_hop_connections = Gauge(
            "detector_next_hop_connections",
            "Connections to next hops now, by state: busy, idle.",
            ["state"],
            registry=registry,
        )
        self.next_hop_failures = Counter(
            "detector_next_hop_failures",
            "Connections to a next hop that failed, by reason: connect, tls, timeout, protocol, lost.",
            ["reason"],
            registry=registry,
        )
        self.next_hop_up = Gauge(
            "detector_next_hop_up",
            "1 if the last attempt to reach this configured next hop worked.",
            ["server"],
            registry=registry,
        )
        self.spool_bytes = Gauge(
            "detector_spool_bytes",
            "Octets of large messages that wait on disk for their verdict now.",
            registry=registry,
        )
        self.policy_requests = Counter(
            "detector_policy_requests",
            "Requests to the policy service by result: login (learned), anonymous (no sasl_username), broken.",
            ["result"],
            registry=registry,
        )

        # -- state, records --
        self.profiles = Gauge("detector_profiles", "Account profiles in memory.", registry=registry)
        self.state_degraded = Gauge(
            "detector_state_degraded",
            "1 while this store (profiles, joins, handed_over, campaigns, texts, records) cannot be read or written.",
            ["store"],
            registry=registry,
        )
        self.records_removed = Counter(
            "detector_records_removed",
            "Records that were kept long enough and are removed, by kind: verdicts, incidents, audit and so on.",
            ["kind"],
            registry=registry,
        )
        self.broken_judgements = Counter(
            "detector_broken_judgements",
            "Transactions that could not be judged because of a fault and were relayed or deferred as configured.",
            registry=registry,
        )

        self.content_errors = Counter(
            "detector_content_errors",
            "Faults while a message was read or compared with those of others; it was judged without that evidence.",
            registry=registry,
        )

        self._about_feedback(registry)
        self._about_held_mail(registry)
        self._about_incidents(registry)

    def _about_feedback(self, registry: CollectorRegistry) -> None:
        self.feedback_log_lines = Counter(
            "detector_feedback_log_lines",
            "Lines of followed MTA logs, by what they were: told (a recipient of ours, counted), repeated (was told "
            "before), stranger (a message or recipient that we did not hand over), passed (to a content filter), "
            "other (nothing about a recipient).",
            ["result"],
            registry=registry,
        )
        self.feedback_log_problems = Counter(
            "detector_feedback_log_problems",
            "What went wrong with followed logs: too_long (a line, skipped), gap (lines between two files are gone), "
            "dropped (syslog came faster than it was read), refused (syslog from others), broken (no syslog), "
            "unreadable, not_told (tried again).",
            ["reason"],
            registry=registry,
        )

        self.feedback_answers = Counter(
            "detector_feedback_answers",
            "Answers to mail that passed, each counted once: delivered (to somebody new), refused (no such recipient), "
            "unwanted (turned away as spam), complaint, address (because of our own address); weak ones are tied by "
            "their Message-ID only and block nobody.",
            ["kind", "tie"],
            registry=registry,
        )
        self.feedback_reports = Counter(
            "detector_feedback_reports",
            "Reports that came in, by what they are (bounce, complaint, authentication, automatic, other) and by what "
            "ties them: tag, message_id, nothing (untagged), foreign, forged, expired, forgotten (the transaction), "
            "stranger (no recipient of it), none (not asked).",
            ["kind", "tie"],
            registry=registry,
        )
        self.feedback_problems = Counter(
            "detector_feedback_problems",
            "Reports that were refused at the door or could not be counted yet, by reason: address, size, limit, "
            "disk, retried, unreadable.",
            ["reason"],
            registry=registry,
        )
        self.address_blocked = Gauge(
            "detector_address_blocked",
            "Recipients of the last hour whose servers turned mail away because of our own address.",
            registry=registry,
        )

    def _about_held_mail(self, registry: CollectorRegistry) -> None:
        self.held_messages = Gauge(
            "detector_held_messages",
            "Messages in the hold spool by state: held, releasing, sending, discarded (until they are erased), "
            "undeliverable and in_doubt (both wait for a person).",
            ["state"],
            registry=registry,
        )
        self.held_bytes = Gauge("detector_held_bytes", "Octets of messages in the hold spool.", registry=registry)
        self.held_oldest = Gauge(
            "detector_held_oldest_seconds", "Age of the oldest message that waits for a decision.", registry=registry
        )
        self.held_expiring = Gauge(
            "detector_held_expiring", "Messages that nobody decided on and that go within 3 days.", registry=registry
        )
        self.held_damaged = Gauge(
            "detector_held_damaged", "Messages whose file was missing when we last looked.", registry=registry
        )
        self.held_results = Counter(
            "detector_held_results",
            "What became of doubtful messages: held, repeated (handed over again, kept once), faded (released by "
            "itself), released (taken by the next hop), returned (refused, the sender is told), undeliverable, "
            "in_doubt, expired (discarded because nobody decided).",
            ["result"],
            registry=registry,
        )
        self.held_failures = Counter(
            "detector_held_failures",
            "What went wrong: a message could not be held (limit, limit_of_account, disk_full, disk, records) or not "
            "be sent yet (next_hop, lost, deferred, unreadable, records).",
            ["reason"],
            registry=registry,
        )

    def _about_incidents(self, registry: CollectorRegistry) -> None:
        self.blocked_accounts = Gauge("detector_blocked_accounts", "Accounts blocked now.", registry=registry)
        self.incidents = Gauge("detector_incidents", "Incidents by state.", ["state"], registry=registry)
        self.incidents_opened = Counter(
            "detector_incidents_opened",
            "Incidents opened, by whether the identity was trusted.",
            ["trusted"],
            registry=registry,
        )
        self.steps = Counter(
            "detector_containment_steps",
            "Steps of the containment workflow by result: done, retried, failed (given up), skipped (not configured), "
            "dry_run.",
            ["step", "result"],
            registry=registry,
        )
        self.time_to_password_change = Histogram(
            "detector_time_to_password_change_seconds",
            "From the verdict to the changed password.",
            buckets=RESPONSE_BUCKETS,
            registry=registry,
        )
        self.time_to_notice = Histogram(
            "detector_time_to_notice_seconds",
            "From the verdict to the customer's notice handed to the next hop.",
            buckets=RESPONSE_BUCKETS,
            registry=registry,
        )
        self.breaker_open = Gauge(
            "detector_password_breaker_open",
            "1 while password changes wait for a person because there were too many this hour.",
            registry=registry,
        )
        self.response_frozen = Gauge(
            "detector_response_frozen", "1 while containments wait because of a freeze.", registry=registry
        )
        self.hooks = Counter(
            "detector_hook_deliveries",
            "Deliveries to operator hooks by result: done, retried, failed.",
            ["result"],
            registry=registry,
        )
