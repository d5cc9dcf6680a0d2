"""What the dashboards show: overview, incidents, relay. `python -m tests.support.dashboards` writes them."""

from tests.support.grafana import HERE, Dashboard, Panel, Query, Row, write


def rate(metric: str, by: str, more: str = "") -> Query:
    """Events a second, by one label."""
    selector = f"{HERE}, {more}" if more else HERE
    return Query(f"sum by ({by}) (rate({metric}{{{selector}}}[$__rate_interval]))", f"{{{{{by}}}}}")


def quantile(share: float, metric: str, by: str = "") -> Query:
    """Of a histogram, over the last minutes; its exemplars are shown beside it."""
    labels = f"{by}, le" if by else "le"
    inner = f"sum by ({labels}) (rate({metric}_bucket{{{HERE}}}[$__rate_interval]))"
    name = f"{share * 100:g} %"
    return Query(f"histogram_quantile({share:g}, {inner})", f"{{{{{by}}}}} {name}" if by else name, exemplars=True)


def within(share: float, metric: str, time: str) -> Query:
    """The same of what is rare: over `time`."""
    inner = f"sum by (le) (increase({metric}_bucket{{{HERE}}}[{time}]))"
    return Query(f"histogram_quantile({share:g}, {inner})", f"{share * 100:g} %", exemplars=True)


def counted(metric: str, by: str, time: str = "1h", more: str = "") -> Query:
    """How often within `time`, by one label."""
    selector = f"{HERE}, {more}" if more else HERE
    return Query(f"sum by ({by}) (increase({metric}{{{selector}}}[{time}]))", f"{{{{{by}}}}}")


def most(metric: str, by: str = "", more: str = "", factor: str = "") -> Query:
    """A gauge: the largest, by one label. Hosts that share their records tell the same."""
    selector = f"{HERE}, {more}" if more else HERE
    grouped = f"max by ({by}) ({metric}{{{selector}}})" if by else f"max({metric}{{{selector}}})"
    return Query(f"{grouped}{factor}", f"{{{{{by}}}}}" if by else "")


def each_host(metric: str, by: str = "") -> Query:
    """What each host says of its records. No figure tells if hosts share them: a sum or a maximum may be false."""
    labels = f"instance, {by}" if by else "instance"
    legend = f"{{{{instance}}}} {{{{{by}}}}}" if by else "{{instance}}"
    return Query(f"max by ({labels}) ({metric}{{{HERE}}})", legend)


def recorded(name: str, legend: str = "{{instance}}", more: str = "") -> Query:
    """A recording rule."""
    return Query(f"{name}{{{HERE}{', ' if more else ''}{more}}}", legend)


HOSTS = "Hosts with the same records (records.url) all say the same; those with records of their own add up."

OVERVIEW = Dashboard(
    "detector-overview",
    "Detector: overview",
    "What passes, what is stopped, why, and how fast. Once a week this page is enough.",
    (
        Row(
            "Now",
            (
                Panel(
                    "Hosts that answer",
                    "Processes of the detector that Prometheus reaches. Fewer than you run: somewhere mail waits.",
                    "none",
                    (Query(f"sum(up{{{HERE}}})"),),
                    kind="stat",
                    width=3,
                    alert="DetectorDown",
                    limit=1,
                    below=True,
                ),
                Panel(
                    "Alerts that fire",
                    "Of the rules in deploy/prometheus/alerts.yml. Each has a section in the runbook.",
                    "none",
                    (Query('count(ALERTS{alertname=~"Detector.*", alertstate="firing"}) or vector(0)'),),
                    kind="stat",
                    width=3,
                    limit=1,
                ),
                Panel(
                    "Looks on only",
                    "1 while observe = true: everything is judged and nothing is stopped. Right in the first weeks.",
                    "bool_yes_no",
                    (most("detector_observing"),),
                    kind="stat",
                    width=3,
                ),
                Panel(
                    "Accounts blocked",
                    f"Their mail is refused at the hop until a person decides about their incident. {HOSTS}",
                    "none",
                    (each_host("detector_blocked_accounts"),),
                    kind="stat",
                    width=3,
                ),
                Panel(
                    "Incidents for a person",
                    "Pending ones wait with a password that still works; contained ones for confirm or dismiss. "
                    + HOSTS,
                    "none",
                    (
                        Query(
                            "sum by (instance) (max by (instance, state) "
                            f'(detector_incidents{{{HERE}, state=~"pending|contained|confirmed"}}))',
                            "{{instance}}",
                        ),
                    ),
                    kind="stat",
                    width=3,
                    alert="DetectorIncidentUndecided",
                ),
                Panel(
                    "Messages on hold",
                    "Doubtful mail that waits, encrypted on disk. Its senders believe that it was sent.",
                    "none",
                    (Query(f'sum(max by (instance) (detector_held_messages{{{HERE}, state="held"}}))'),),
                    kind="stat",
                    width=3,
                    alert="DetectorHeldUnattended",
                ),
                Panel(
                    "False alarms",
                    "Incidents of the last 30 days that people dismissed, in 1000 accounts. The shipped budget is 0.5; "
                    "with few accounts a single one is far above it and means little.",
                    "none",
                    (Query('max(job:detector_false_alarms:per_1000_account_months{job=~"$job"})'),),
                    kind="stat",
                    width=3,
                    alert="DetectorFalseAlarms",
                ),
                Panel(
                    "Version",
                    "What runs where.",
                    "none",
                    (Query(f"count by (instance, version) (detector_build_info{{{HERE}}})"),),
                    kind="table",
                    width=3,
                ),
            ),
        ),
        Row(
            "What passes, and what is stopped",
            (
                Panel(
                    "What clients were told",
                    "Transactions by their end: accepted by the next hop, held (the client hears 250 too), deferred "
                    "(4xx), rejected (5xx), aborted (the client left). Deferred without verdicts is a fault.",
                    "ops",
                    (rate("detector_transactions_total", "outcome"),),
                    alert="DetectorRefusesMail",
                    stacked=True,
                ),
                Panel(
                    "What the verdicts were",
                    "The ladder: accept, pace (strangers wait), hold, block. While it looks on, this is what would be.",
                    "ops",
                    (rate("detector_transactions_total", "verdict"),),
                    stacked=True,
                ),
                Panel(
                    "Recipients",
                    "The unit of damage. Passed ones have reached the next hop; paced, held and stopped ones have not.",
                    "ops",
                    (rate("detector_recipients_total", "result"),),
                    stacked=True,
                ),
                Panel(
                    "Our own refusals",
                    "Negative replies of ours by reason. account_blocked is the thief who still tries.",
                    "ops",
                    (rate("detector_refusal_reasons_total", "reason"),),
                ),
                Panel(
                    "Why the next hop refuses",
                    "Its negative replies by what they mean. no_such_user rises with spam, reputation when a list "
                    "names our address.",
                    "none",
                    (counted("detector_next_hop_refusals_total", "cause"),),
                    alert="DetectorReputationRefused",
                    limit=20,
                ),
                Panel(
                    "What came back",
                    "Answers to mail that had passed, from followed logs, bounces and complaints, within an hour.",
                    "none",
                    (counted("detector_feedback_answers_total", "kind"),),
                ),
            ),
        ),
        Row(
            "Why",
            (
                Panel(
                    "Evidence",
                    "Nats a second that spoke against accounts, by group: bulk (rates, strangers), feedback (bounces), "
                    "client (networks), text (the model), campaign (the same mail from many).",
                    "none",
                    (rate("detector_evidence_nats_total", "group"),),
                    stacked=True,
                ),
                Panel(
                    "Who told the account",
                    "Transactions by the source of identity. What none told is not judged.",
                    "ops",
                    (rate("detector_identities_total", "source"),),
                    alert="DetectorIdentityUnknown",
                    stacked=True,
                ),
                Panel(
                    "Seconds since the text model spoke",
                    "While mail comes this stays small. An hour of silence is an alert. Empty before the first score.",
                    "s",
                    (
                        Query(
                            f"time() - (max by (instance) (detector_content_scored_timestamp_seconds{{{HERE}}}) > 0)",
                            "{{instance}}",
                        ),
                    ),
                    alert="DetectorModelSilent",
                    limit=3600,
                ),
            ),
        ),
        Row(
            "How fast",
            (
                Panel(
                    "Time of a verdict",
                    "What each mail pays for being looked at. The line is where the alert begins, for the slowest of a "
                    "hundred. Dots are slow transactions with their id, as it stands in the log.",
                    "s",
                    (quantile(0.5, "detector_decision_seconds"), quantile(0.99, "detector_decision_seconds")),
                    alert="DetectorVerdictSlow",
                    limit=0.1,
                ),
                Panel(
                    "Time until the next hop takes a message",
                    "From the final dot to its reply, for the slowest of twenty: the client waits as long.",
                    "s",
                    (recorded("instance_command:detector_next_hop_seconds:p95", more='command="BODY"'),),
                    alert="DetectorNextHopSlow",
                    limit=10,
                ),
                Panel(
                    "Time to the new password",
                    "From the verdict to the changed password, within a day. The target is a minute.",
                    "s",
                    (
                        within(0.5, "detector_time_to_password_change_seconds", "1d"),
                        within(0.95, "detector_time_to_password_change_seconds", "1d"),
                    ),
                    alert="DetectorPasswordChangeSlow",
                    limit=60,
                ),
            ),
        ),
    ),
)

INCIDENTS = Dashboard(
    "detector-incidents",
    "Detector: incidents",
    "Hijacked accounts: which incidents are open, how the containment goes, and what is on hold. No account is named "
    "here; `detector incidents list` names them.",
    (
        Row(
            "Open incidents",
            (
                Panel(
                    "Incidents by state",
                    "open: the containment runs. pending: a person must allow the new password. contained: confirm or "
                    "dismiss. confirmed: waits for the release. " + HOSTS,
                    "none",
                    (each_host("detector_incidents", "state"),),
                ),
                Panel(
                    "Longest in its state",
                    "An open one older than two minutes is stuck.",
                    "s",
                    (most("detector_incident_oldest_seconds", "state"),),
                    alert="DetectorContainmentStuck",
                    limit=120,
                ),
                Panel(
                    "Incidents opened",
                    "Within an hour, by whether the identity could be believed. A campaign is a step of many.",
                    "none",
                    (counted("detector_incidents_opened_total", "trusted"),),
                ),
                Panel(
                    "Confirmed and dismissed",
                    "What people made of the incidents of the last 30 days. Dismissed ones are false alarms. " + HOSTS,
                    "none",
                    (each_host("detector_incidents_decided", "decision"),),
                    alert="DetectorFalseAlarms",
                ),
                Panel(
                    "Accounts blocked",
                    f"At the hop, now. {HOSTS}",
                    "none",
                    (each_host("detector_blocked_accounts"),),
                ),
                Panel(
                    "Breaker and freeze",
                    "1 while password changes wait for people (breaker), or all containments do (freeze).",
                    "none",
                    (
                        Query(f"max(detector_password_breaker_open{{{HERE}}})", "breaker open"),
                        Query(f"max(detector_response_frozen{{{HERE}}})", "frozen"),
                    ),
                    alert="DetectorBreakerOpen",
                    limit=1,
                ),
            ),
        ),
        Row(
            "Containment",
            (
                Panel(
                    "Steps",
                    "Within an hour by result: done, retried, failed (given up: do it by hand), skipped (not "
                    "configured), dry_run.",
                    "none",
                    (counted("detector_containment_steps_total", "result"),),
                ),
                Panel(
                    "Steps given up",
                    "Within an hour by step. Each needs a person.",
                    "none",
                    (counted("detector_containment_steps_total", "step", more='result="failed"'),),
                    alert="DetectorContainmentStepFailed",
                    limit=1,
                ),
                Panel(
                    "Steps tried again",
                    "Within 15 minutes by step: a provider is in trouble before anything is given up.",
                    "none",
                    (counted("detector_containment_steps_total", "step", "15m", 'result="retried"'),),
                    alert="DetectorContainmentStepRetried",
                    limit=3,
                ),
                Panel(
                    "Time to the new password",
                    "From the verdict to the changed password, within a day. Exemplars carry the incident.",
                    "s",
                    (
                        within(0.5, "detector_time_to_password_change_seconds", "1d"),
                        within(0.95, "detector_time_to_password_change_seconds", "1d"),
                    ),
                    alert="DetectorPasswordChangeSlow",
                    limit=60,
                ),
                Panel(
                    "Time to the notice",
                    "From the verdict until the customer's notice was handed over, within a day.",
                    "s",
                    (
                        within(0.5, "detector_time_to_notice_seconds", "1d"),
                        within(0.95, "detector_time_to_notice_seconds", "1d"),
                    ),
                    alert="DetectorNoticeUndelivered",
                ),
                Panel(
                    "What operators were told",
                    "Deliveries to hooks within an hour; failed ones were given up, so look at the incidents.",
                    "none",
                    (counted("detector_hook_deliveries_total", "result"),),
                    alert="DetectorHookFailing",
                ),
            ),
        ),
        Row(
            "On hold",
            (
                Panel(
                    "Messages by state",
                    "held waits for evidence or a person; in_doubt and undeliverable wait for a person only.",
                    "none",
                    (
                        Query(
                            f"sum by (state) (max by (instance, state) (detector_held_messages{{{HERE}}}))", "{{state}}"
                        ),
                    ),
                    alert="DetectorHeldNeedsPerson",
                    stacked=True,
                ),
                Panel(
                    "How full",
                    "Share of hold.bytes and hold.messages in use. When it is full, doubtful mail is answered 451.",
                    "percentunit",
                    (
                        recorded("instance:detector_held_bytes:ratio", "{{instance}} octets"),
                        recorded("instance:detector_held_messages:ratio", "{{instance}} messages"),
                    ),
                    alert="DetectorHoldFilling",
                    limit=0.8,
                ),
                Panel(
                    "Oldest message",
                    "How long the oldest one waits that nobody has decided on.",
                    "s",
                    (most("detector_held_oldest_seconds", "instance"),),
                    alert="DetectorHeldUnattended",
                    limit=86400,
                ),
                Panel(
                    "What became of held mail",
                    "Within an hour: faded went by itself, released by a person, expired because nobody decided.",
                    "none",
                    (counted("detector_held_results_total", "result"),),
                ),
                Panel(
                    "What could not be held or sent",
                    "Within 10 minutes by reason. limit, disk_full, disk and records: answered 4xx instead.",
                    "none",
                    (counted("detector_held_failures_total", "reason", "10m"),),
                    alert="DetectorHoldFull",
                ),
                Panel(
                    "About to go, and damaged",
                    "Messages that are discarded within 3 days unless somebody decides; and those whose file is gone.",
                    "none",
                    (
                        Query(f"max(detector_held_expiring{{{HERE}}})", "expiring"),
                        Query(f"max(detector_held_damaged{{{HERE}}})", "damaged"),
                    ),
                    alert="DetectorHeldExpiring",
                    limit=1,
                ),
            ),
        ),
    ),
)

RELAY = Dashboard(
    "detector-relay",
    "Detector: relay",
    "Connections, latencies, faults and resources of the hop itself. The page for the night when mail is slow.",
    (
        Row(
            "Clients",
            (
                Panel(
                    "Connections of clients",
                    "Submission servers connected now, and the limit of each host.",
                    "none",
                    (
                        Query(f"sum by (instance) (detector_client_connections{{{HERE}}})", "{{instance}}"),
                        Query(
                            f'sum by (instance) (detector_connections_limit{{{HERE}, side="clients"}})',
                            "{{instance}} limit",
                        ),
                    ),
                    alert="DetectorConnectionsNearLimit",
                ),
                Panel(
                    "Share of the clients' limit",
                    "Beyond 80 % for ten minutes something slow keeps them.",
                    "percentunit",
                    (recorded("instance:detector_client_connections:ratio"),),
                    alert="DetectorConnectionsNearLimit",
                    limit=0.8,
                ),
                Panel(
                    "Turned away",
                    "Connections refused within 10 minutes, by reason. not_allowed are strangers.",
                    "none",
                    (counted("detector_connections_refused_total", "reason", "10m"),),
                    alert="DetectorTurnsClientsAway",
                ),
            ),
        ),
        Row(
            "Next hop",
            (
                Panel(
                    "Reached",
                    "0 if one of the chosen hosts cannot reach this server; it is tried again, mail or no mail.",
                    "none",
                    (Query(f"min by (server) (detector_next_hop_up{{{HERE}}})", "{{server}}"),),
                    alert="DetectorNextHopDown",
                ),
                Panel(
                    "Connections to next hops",
                    "busy ones carry a transaction, idle ones wait to be used again.",
                    "none",
                    (Query(f"sum by (state) (detector_next_hop_connections{{{HERE}}})", "{{state}}"),),
                    stacked=True,
                ),
                Panel(
                    "Share of the pool in use",
                    "At the limit mail waits for a free connection.",
                    "percentunit",
                    (recorded("instance:detector_next_hop_connections:ratio"),),
                    alert="DetectorNextHopPoolFull",
                    limit=0.9,
                ),
                Panel(
                    "Time until the next hop answers",
                    "For the slowest of twenty, by command. BODY is from the final dot to the reply.",
                    "s",
                    (quantile(0.95, "detector_next_hop_seconds", "command"),),
                    alert="DetectorNextHopSlow",
                    limit=10,
                ),
                Panel(
                    "Failed connections",
                    "Within 10 minutes by reason. lost is often a kept connection that the next hop has closed.",
                    "none",
                    (counted("detector_next_hop_failures_total", "reason", "10m"),),
                    alert="DetectorNextHopFailing",
                    limit=10,
                ),
                Panel(
                    "Questions of the policy service",
                    "login: Postfix told whose mail it is. anonymous: it asked before or without a login.",
                    "ops",
                    (rate("detector_policy_requests_total", "result"),),
                    alert="DetectorIdentityUnknown",
                ),
            ),
        ),
        Row(
            "Verdicts",
            (
                Panel(
                    "How long verdicts take",
                    "All of them, in bands. A second band far above is large messages, or a host without CPU.",
                    "s",
                    (
                        Query(
                            f"sum by (le) (increase(detector_decision_seconds_bucket{{{HERE}}}[$__rate_interval]))",
                            exemplars=True,
                        ),
                    ),
                    kind="heatmap",
                ),
                Panel(
                    "The slowest of a hundred",
                    "By host. One that is slower than the others has less CPU, or other work.",
                    "s",
                    (recorded("instance:detector_decision_seconds:p99"),),
                    alert="DetectorVerdictSlow",
                    limit=0.1,
                ),
                Panel(
                    "Faults",
                    "Within 15 minutes: mail that could not be judged, and messages that could not be read.",
                    "none",
                    (
                        Query(f"sum(increase(detector_broken_judgements_total{{{HERE}}}[15m]))", "not judged"),
                        Query(f"sum(increase(detector_content_errors_total{{{HERE}}}[15m]))", "not read"),
                    ),
                    alert="DetectorJudgementsBroken",
                ),
            ),
        ),
        Row(
            "Stores, logs and models",
            (
                Panel(
                    "Stores out of order",
                    "1 while a store cannot be read or written; mail goes on.",
                    "none",
                    (most("detector_state_degraded", "store"),),
                    alert="DetectorStateDegraded",
                    limit=1,
                ),
                Panel(
                    "Profiles",
                    "Accounts whose habits are in memory.",
                    "none",
                    (most("detector_profiles", "instance"),),
                ),
                Panel(
                    "Followed logs",
                    "Lines a second by what they were; told is about a recipient of ours.",
                    "ops",
                    (rate("detector_feedback_log_lines_total", "result"),),
                    alert="DetectorFeedbackSilent",
                ),
                Panel(
                    "Trouble with logs and reports",
                    "Within 15 minutes by reason.",
                    "none",
                    (
                        counted("detector_feedback_log_problems_total", "reason", "15m"),
                        counted("detector_feedback_problems_total", "reason", "15m"),
                    ),
                    alert="DetectorFeedbackLogTrouble",
                ),
                Panel(
                    "Our address blocked",
                    "Recipients of the last hour whose servers turned mail away because of our own address.",
                    "none",
                    (most("detector_address_blocked", "instance"),),
                    alert="DetectorOwnAddressBlocked",
                    limit=2,
                ),
                Panel(
                    "Age of models",
                    "Since they were made.",
                    "s",
                    (
                        Query(
                            f"time() - max by (model, version) (detector_model_created_timestamp_seconds{{{HERE}}})",
                            "{{model}} {{version}}",
                        ),
                    ),
                    kind="stat",
                    width=5,
                    alert="DetectorModelOld",
                ),
                Panel(
                    "Last calibration",
                    "When detector calibrate --live was asked last; 1970 is never.",
                    "dateTimeFromNow",
                    (Query(f"1000 * max(detector_calibrated_timestamp_seconds{{{HERE}}})"),),
                    kind="stat",
                    width=3,
                    alert="DetectorCalibrationOld",
                ),
            ),
        ),
        Row(
            "Process and host",
            (
                Panel(
                    "Processor",
                    "Seconds of processor time a second. Near 1 of a process, mail waits for the verdicts before it.",
                    "percentunit",
                    (
                        Query(
                            f"sum by (instance) (rate(process_cpu_seconds_total{{{HERE}}}[$__rate_interval]))",
                            "{{instance}}",
                        ),
                    ),
                ),
                Panel(
                    "Processes that take mail",
                    "Workers now, and how often within an hour one had died and was started again.",
                    "none",
                    (
                        Query(f"sum by (instance) (detector_workers{{{HERE}}})", "{{instance}}"),
                        Query(
                            f"sum by (instance) (increase(detector_worker_restarts_total{{{HERE}}}[1h]))",
                            "{{instance}} died",
                        ),
                    ),
                    alert="DetectorWorkerDied",
                ),
                Panel(
                    "Memory",
                    "Resident memory. It grows with accounts and levels off.",
                    "bytes",
                    (Query(f"sum by (instance) (process_resident_memory_bytes{{{HERE}}})", "{{instance}}"),),
                ),
                Panel(
                    "Open files",
                    "Connections, files of the hold and databases, as a share of what the host allows.",
                    "percentunit",
                    (
                        Query(
                            f"sum by (instance) (process_open_fds{{{HERE}}}) "
                            f"/ sum by (instance) (process_max_fds{{{HERE}}})",
                            "{{instance}}",
                        ),
                    ),
                ),
                Panel(
                    "Large messages on disk",
                    "Octets of large messages that wait for their verdict.",
                    "bytes",
                    (Query(f"sum by (instance) (detector_spool_bytes{{{HERE}}})", "{{instance}}"),),
                ),
                Panel(
                    "Clock",
                    "By how much the host's clock was moved since the start, and how far that of Prometheus is away.",
                    "s",
                    (
                        Query(f"max by (instance) (abs(detector_clock_moved_seconds{{{HERE}}}))", "{{instance}} moved"),
                        Query(
                            f"max by (instance) (abs(timestamp(detector_clock_seconds{{{HERE}}}) "
                            f"- detector_clock_seconds{{{HERE}}}))",
                            "{{instance}} differs",
                        ),
                    ),
                    alert="DetectorClockWrong",
                    limit=10,
                ),
                Panel(
                    "Running since, and configured since",
                    "Seconds since the start, and since the configuration was taken over that holds now.",
                    "s",
                    (
                        Query(f"time() - max by (instance) (process_start_time_seconds{{{HERE}}})", "started"),
                        Query(
                            "time() - min by (instance) "
                            f"(detector_config_last_reload_success_timestamp_seconds{{{HERE}}})",
                            "configured",
                        ),
                    ),
                    kind="stat",
                    width=4,
                ),
                Panel(
                    "Configuration taken over",
                    "0 after a reload that was refused: the next restart would fail.",
                    "bool_yes_no",
                    (Query(f"min(detector_config_last_reload_successful{{{HERE}}})"),),
                    kind="stat",
                    width=2,
                    alert="DetectorReloadRefused",
                    limit=1,
                    below=True,
                ),
                Panel(
                    "Certificate ends in",
                    "Of STARTTLS. Nothing is shown where TLS is off.",
                    "s",
                    (Query(f"min(detector_certificate_expiry_timestamp_seconds{{{HERE}}}) - time()"),),
                    kind="stat",
                    width=2,
                    alert="DetectorCertificateExpiring",
                    limit=14 * 86400,
                    below=True,
                ),
            ),
        ),
    ),
)

DASHBOARDS = (OVERVIEW, INCIDENTS, RELAY)

if __name__ == "__main__":
    write(DASHBOARDS)
