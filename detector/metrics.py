"""Every Prometheus metric with its help text. No label ever holds an account, an address or free text."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from detector.content.kernel import COMPILED
from detector.quick_metrics import QuickCounter, QuickHistogram

DECISION_BUCKETS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 1.0)
NETWORK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
RESPONSE_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
SLOW = 0.05
"""Seconds from which on a judgement leaves its transaction's id with the histogram, as an exemplar: the slow ones are
those that somebody will look for, and the others cost nothing more."""

CAUSES = ("no_such_user", "mailbox_full", "policy", "reputation", "temporary", "other")
HELD_FAILURES = (
    *("limit", "limit_of_account", "disk_full", "disk", "records"),
    *("next_hop", "lost", "deferred", "unreadable"),
)
HELD_RESULTS = (
    *("held", "repeated", "faded", "released", "returned"),
    *("undeliverable", "in_doubt", "expired"),
)
LOG_PROBLEMS = ("too_long", "gap", "dropped", "refused", "broken", "unreadable", "not_told")


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
        Gauge(
            "detector_content_compiled",
            "1: messages are read by compiled code; 0: by interpreted code, and each costs half more.",
            registry=registry,
        ).set(COMPILED)

        # -- what passes and what is stopped --
        self.transactions = QuickCounter(
            "detector_transactions",
            "Transactions by what the ladder said and by what the client was told in the end: "
            "accepted, held, deferred (4xx), rejected (5xx), aborted (no DATA or connection lost).",
            ["verdict", "outcome"],
            registry=registry,
        )
        self.reasons = Counter(
            "detector_refusal_reasons",
            "Negative replies of our own (not the next hop's), by reason: account_blocked, recipient_window, identity, "
            "hold (no room), size, recipients, message, protocol.",
            ["reason"],
            registry=registry,
        )
        self.recipients = QuickCounter(
            "detector_recipients",
            "Recipients by result: passed (handed to the next hop with a message it accepted), paced (recipient window "
            "full), refused (by the next hop at RCPT), held (with their message), stopped (accepted at RCPT, then not "
            "their message).",
            ["result"],
            registry=registry,
        )
        self.identities = QuickCounter(
            "detector_identities",
            "Transactions by the source that told the account; none: identity unknown.",
            ["source"],
            registry=registry,
        )
        self.evidence = QuickCounter(
            "detector_evidence_nats",
            "Positive evidence summed over transactions, in nats, by group: what the verdicts are made of.",
            ["group"],
            registry=registry,
        )

        # -- how fast --
        self.decision_seconds = Histogram(
            "detector_decision_seconds",
            "Time to read and judge one transaction, without waiting for the network: what each mail pays for being "
            "looked at. Slow ones leave their transaction id as exemplar.",
            buckets=DECISION_BUCKETS,
            registry=registry,
        )
        self.next_hop_seconds = QuickHistogram(
            "detector_next_hop_seconds",
            "Time until the next hop answered, by command; BODY is from the final dot to its reply. What it takes "
            "longer, every client waits.",
            "command",
            buckets=NETWORK_BUCKETS,
            registry=registry,
        )

        self._about_the_relay(registry)
        self._about_stores(registry)
        self._about_feedback(registry)
        self._about_held_mail(registry)
        self._about_incidents(registry)
        self._about_the_process(registry)
        self._begin_at_zero()

    def judged(self, seconds: float, transaction_id: str) -> None:
        """One transaction was judged in that time."""
        self.decision_seconds.observe(seconds, {"transaction_id": transaction_id} if seconds >= SLOW else None)

    def _about_the_relay(self, registry: CollectorRegistry) -> None:
        self.client_connections = Gauge("detector_client_connections", "SMTP clients connected now.", registry=registry)
        self.connections_refused = Counter(
            "detector_connections_refused",
            "Connections turned away, by reason: not_allowed (client network), limit, limit_per_client, "
            "descriptors (hardly any are left), proxy_header (a load balancer did not say whom it speaks for).",
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
            "1 if the last attempt to reach this configured next hop worked; absent until the first attempt. One that "
            "failed, or did not answer in time, is tried again after next_hop.retry_dead_after, with mail or without.",
            ["server"],
            registry=registry,
        )
        self.next_hop_refusals = Counter(
            "detector_next_hop_refusals",
            "Negative replies of the next hop (to MAIL, RCPT or a message), by what its codes and words mean: "
            "no_such_user, mailbox_full, policy (this mail or sender, as in most 5.7.1), reputation (our own address "
            "is blocked), temporary, other. A rise of reputation means that a list names us.",
            ["cause"],
            registry=registry,
        )
        self.connection_limits = Gauge(
            "detector_connections_limit",
            "Most connections at a time, of clients (relay.limits.connections) and to next hops "
            "(next_hop.connections): at the limit mail waits or is answered 421.",
            ["side"],
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

    def _about_stores(self, registry: CollectorRegistry) -> None:
        self.profiles = Gauge("detector_profiles", "Account profiles in memory.", registry=registry)
        self.state_degraded = Gauge(
            "detector_state_degraded",
            "1 while this store (profiles, joins, handed_over, campaigns, texts, records, containment, and shared: "
            "that of state.url) cannot be read or written.",
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

        self.content_scored = Gauge(
            "detector_content_scored_timestamp_seconds",
            "Unix time at which the text model last gave a score, 0 before the first. While mail is judged and this "
            "stands still, the model is silent: verdicts are made without the text.",
            registry=registry,
        )

    def _about_feedback(self, registry: CollectorRegistry) -> None:
        self.feedback_log_lines = Counter(
            "detector_feedback_log_lines",
            "Lines of followed MTA logs, by what they were: told (a recipient of ours, counted), repeated (was told "
            "before), stranger (a message or recipient that we did not hand over), passed (to a content filter), "
            "other (nothing about a recipient), fault (a fault of ours, see the log).",
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
            "unwanted (turned away as spam), complaint, address (because of our own address), "
            "slowed (put off as too much or as spam), deferred (put off otherwise); reported ones came as mail, and "
            "few of them block nobody; weak ones are tied by their Message-ID only and never block.",
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
            "Reports that were refused at the door or could not be counted yet, by reason: address, tag (an old or "
            "forged one: dropped), size, limit, disk, retried, unreadable.",
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
        self.held_bytes = Gauge(
            "detector_held_bytes", "Octets of messages in the hold spool; hold.bytes bounds them.", registry=registry
        )
        self.held_limit_bytes = Gauge(
            "detector_held_limit_bytes",
            "The setting hold.bytes: beyond it a doubtful message is answered 451 and waits at the submission server.",
            registry=registry,
        )
        self.held_limit_messages = Gauge(
            "detector_held_limit_messages",
            "The setting hold.messages, of all accounts together; 0 holds nothing.",
            registry=registry,
        )
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
        self.incident_oldest = Gauge(
            "detector_incident_oldest_seconds",
            "How long the incident that is in this state longest is in it, 0 where none is: open (the containment runs "
            "and the password may still work), pending (waits for a person before the password is changed), contained "
            "(waits for confirm or dismiss), confirmed (waits for the release).",
            ["state"],
            registry=registry,
        )
        self.incidents_decided = Gauge(
            "detector_incidents_decided",
            "Incidents opened within the last 30 days by what people made of them: confirmed, dismissed (a false "
            "alarm). Dismissed ones in proportion to the accounts are what the false-alarm budget bounds.",
            ["decision"],
            registry=registry,
        )
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
            "From the verdict to the changed password: as long as the thief can still log in elsewhere.",
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

    def _about_the_process(self, registry: CollectorRegistry) -> None:
        self.workers = Gauge(
            "detector_workers",
            "Processes that take mail now; with the setting workers = 1 it is this one. There are fewer than the "
            "setting while one that has died is started again.",
            registry=registry,
        )
        self.worker_restarts = Counter(
            "detector_worker_restarts",
            "Workers that have died, or were silent for too long, and were started again. Mail under way in them was "
            "not answered, so it comes again.",
            registry=registry,
        )
        self.observing = Gauge(
            "detector_observing",
            "1 while observe = true: everything is judged, and nothing is paced, held or blocked.",
            registry=registry,
        )
        self.hooks_configured = Gauge(
            "detector_hooks",
            "Operator hooks configured. Where there are some, they tell of incidents, the breaker and our own address; "
            "the alert rules tell of these only where there is none, or one fails.",
            registry=registry,
        )
        self.reload_successful = Gauge(
            "detector_config_last_reload_successful",
            "1 if the configuration that was read last was taken over; 0 after a reload that was refused, when the one "
            "before still holds.",
            registry=registry,
        )
        self.reloaded_at = Gauge(
            "detector_config_last_reload_success_timestamp_seconds",
            "Unix time at which the configuration that holds now was taken over.",
            registry=registry,
        )
        self.certificate_expires_at = Gauge(
            "detector_certificate_expiry_timestamp_seconds",
            "Unix time until which the certificate that clients are shown is valid; absent without TLS. A renewed "
            "certificate is read at a reload.",
            ["section"],
            registry=registry,
        )
        self.model_created = Gauge(
            "detector_model_created_timestamp_seconds",
            "Unix time at which this model was made. Spam changes by the month: an old text model knows less of it.",
            ["model", "version"],
            registry=registry,
        )
        self.calibrated_at = Gauge(
            "detector_calibrated_timestamp_seconds",
            "Unix time of the last detector calibrate --live, as the audit log knows it, looked up every hour; 0 for "
            "never. Customers and what they send change: thresholds are for the traffic that they were made from.",
            registry=registry,
        )
        self.clock_seconds = Gauge(
            "detector_clock_seconds",
            "Unix time by the clock of this host, for comparison with the clock of Prometheus.",
            registry=registry,
        )
        self.clock_moved = Gauge(
            "detector_clock_moved_seconds",
            "By how much this host's clock has gone ahead of (or, negative, fallen behind) the processor's own time "
            "since the process began. It drifts by milliseconds; a step is somebody who sets the clock.",
            registry=registry,
        )

    def _begin_at_zero(self) -> None:
        """What has not happened yet is 0, not absent: `increase()` does not see a series that is born with 1."""
        for counter, values in (
            (self.incidents_opened, ("true", "false")),
            (self.hooks, ("done", "retried", "failed")),
            (self.next_hop_failures, ("connect", "tls", "timeout", "protocol", "lost")),
            (self.next_hop_refusals, CAUSES),
            (self.connections_refused, ("not_allowed", "limit", "limit_per_client", "descriptors", "proxy_header")),
            (self.recipients, ("passed", "paced", "refused", "held", "stopped")),
            (self.held_failures, HELD_FAILURES),
            (self.held_results, HELD_RESULTS),
            (self.feedback_problems, ("address", "tag", "size", "limit", "disk", "retried", "unreadable")),
            (self.feedback_log_problems, LOG_PROBLEMS),
        ):
            for value in values:
                counter.labels(value)
