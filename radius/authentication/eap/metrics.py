"""What EAP counts: every limit beside its usage, handshakes by version. Gauges are sampled once a second."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

conversations = Gauge(
    "citywifi_radius_eap_conversations",
    "EAP conversations that are under way.",
    multiprocess_mode="livesum",
)
conversations_limit = Gauge(
    "citywifi_radius_eap_conversations_limit",
    "How many EAP conversations may be under way (eap.most_conversations).",
    multiprocess_mode="livesum",
)
conversations_ended = Counter(
    "citywifi_radius_eap_conversations_ended_total",
    "EAP conversations by how they ended: decided, abandoned by the device, or pushed out by newer ones.",
    ["how"],
)
resumable_logins = Gauge(
    "citywifi_radius_eap_resumable_logins",
    "TLS sessions that can be taken up again without a password; TLS 1.3 has two a login.",
    multiprocess_mode="livesum",
)
resumable_logins_limit = Gauge(
    "citywifi_radius_eap_resumable_logins_limit",
    "How many TLS sessions may be kept for that (eap.most_resumable_logins).",
    multiprocess_mode="livesum",
)
resumable_login_evictions = Counter(
    "citywifi_radius_eap_resumable_login_evictions_total",
    "TLS sessions forgotten before their time because the table was full.",
)
# A child is found by its labels slower than it is counted up.
ended = {how: conversations_ended.labels(how) for how in ("decided", "abandoned", "evicted", "stopped")}
handshakes = Counter(
    "citywifi_radius_eap_handshakes_total",
    "Finished TLS handshakes by version and kind: full or resumed.",
    ["version", "kind"],
)
finished = {
    (version, kind): handshakes.labels(version, kind) for version in ("1.2", "1.3") for kind in ("full", "resumed")
}
