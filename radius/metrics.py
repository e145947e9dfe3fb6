"""What the RADIUS server counts: packets by type and result, every drop by reason, every limit beside its usage.

Gauges of queues and caches are sampled once a second (``radius.server``), because setting one for each packet would
cost more than the packet's look-up.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from foundation.tally import CounterTally, SummedHistogram

requests = Counter(
    "citywifi_radius_requests_total",
    "Requests that were answered, by type and result.",
    ["type", "result"],
)
discards = Counter(
    "citywifi_radius_discards_total",
    "Datagrams without an answer, by port and reason.",
    ["port", "reason"],
)
rejects = Counter("citywifi_radius_rejects_total", "Access-Rejects by method and reason.", ["method", "reason"])
REPLY_SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
reply_seconds = SummedHistogram(
    "citywifi_radius_reply_seconds",
    "From the datagram's arrival to its answer, by port.",
    ["port"],
    buckets=REPLY_SECONDS_BUCKETS,
)
# Every request counts here; the server hands the sums on when it samples the gauges.
request_tally = CounterTally(requests)
reject_tally = CounterTally(rejects)

in_progress = Gauge(
    "citywifi_radius_requests_in_progress",
    "Requests being processed, by port.",
    ["port"],
    multiprocess_mode="livesum",
)
in_progress_limit = Gauge(
    "citywifi_radius_requests_in_progress_limit",
    "How many requests may be processed at the same time, by port.",
    ["port"],
    multiprocess_mode="livesum",
)
queue_length = Gauge(
    "citywifi_radius_queue_length",
    "Items that wait for the database, by queue.",
    ["queue"],
    multiprocess_mode="livesum",
)
queue_limit = Gauge(
    "citywifi_radius_queue_limit",
    "How many items may wait for the database, by queue.",
    ["queue"],
    multiprocess_mode="livesum",
)
duplicate_cache_entries = Gauge(
    "citywifi_radius_duplicate_cache_entries",
    "Requests kept to recognise retransmissions, by port.",
    ["port"],
    multiprocess_mode="livesum",
)
duplicate_cache_limit = Gauge(
    "citywifi_radius_duplicate_cache_limit",
    "How many requests may be kept to recognise retransmissions, by port.",
    ["port"],
    multiprocess_mode="livesum",
)
duplicate_cache_evictions = Counter(
    "citywifi_radius_duplicate_cache_evictions_total",
    "Requests forgotten before their time because the cache was full, by port.",
    ["port"],
)
receive_buffer_octets = Gauge(
    "citywifi_radius_receive_buffer_octets",
    "The socket's receive buffer as the kernel granted it, by port: the smallest of all workers'.",
    ["port"],
    multiprocess_mode="livemin",
)
receive_buffer_used_octets = Gauge(
    "citywifi_radius_receive_buffer_used_octets",
    "What waits in the socket's receive buffer, as the kernel counts it, by port: the most of any worker's.",
    ["port"],
    multiprocess_mode="livemax",
)
receive_buffer_drops = Counter(
    "citywifi_radius_receive_buffer_drops_total",
    "Datagrams that the kernel dropped because the socket's receive buffer was full, by port.",
    ["port"],
)
handed_over = Counter(
    "citywifi_radius_handed_over_total",
    "Requests of EAP conversations that reached another worker than their own: sent to it, taken by it.",
    ["direction"],
)

network_access_servers = Gauge(
    "citywifi_radius_network_access_servers",
    "Network access servers that may send requests.",
    multiprocess_mode="livemax",
)
unusable_network_access_servers = Gauge(
    "citywifi_radius_unusable_network_access_servers",
    "Network access servers whose row cannot be used: secret sealed by another key, or network not understood.",
    multiprocess_mode="livemax",
)
without_message_authenticator = Counter(
    "citywifi_radius_requests_without_message_authenticator_total",
    "Access-Requests without Message-Authenticator: answered in mode auto, discarded in mode require.",
    ["mode", "nas_id"],
)
packet_attributes = Gauge(
    "citywifi_radius_packet_attributes",
    "The most attributes that an authentic packet has had, by port.",
    ["port"],
    multiprocess_mode="livemax",
)
packet_attributes_limit = Gauge(
    "citywifi_radius_packet_attributes_limit",
    "How many attributes a packet may have, by port.",
    ["port"],
    multiprocess_mode="livemax",
)
rate_limited = Gauge(
    "citywifi_radius_rate_limited",
    "Senders whose rate of requests is known, by kind.",
    ["kind"],
    multiprocess_mode="livesum",
)
rate_limited_limit = Gauge(
    "citywifi_radius_rate_limited_limit",
    "How many senders' rate of requests may be known, by kind.",
    ["kind"],
    multiprocess_mode="livesum",
)
rate_limit_evictions = Counter(
    "citywifi_radius_rate_limit_evictions_total",
    "Senders whose rate was forgotten because too many were known, by kind.",
    ["kind"],
)
rejects_held = Gauge(
    "citywifi_radius_rejects_held",
    "Access-Rejects that wait for their delay to end.",
    multiprocess_mode="livesum",
)
rejects_held_limit = Gauge(
    "citywifi_radius_rejects_held_limit",
    "How many Access-Rejects may wait at the same time.",
    multiprocess_mode="livesum",
)
rejects_sent_at_once = Counter(
    "citywifi_radius_rejects_sent_at_once_total",
    "Access-Rejects that were not held because too many were.",
)
access_points = Gauge(
    "citywifi_radius_access_points",
    "Access points known by their address.",
    multiprocess_mode="livemax",
)

batch_rows = Histogram(
    "citywifi_radius_batch_rows",
    "Rows that went to the database together, by queue.",
    ["queue"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
storage_failures = Counter(
    "citywifi_radius_storage_failures_total",
    "Batches that the database did not take, by queue.",
    ["queue"],
)
log_drops = Counter(
    "citywifi_radius_authentication_log_drops_total",
    "Lines of the authentication log that were lost, by reason.",
    ["reason"],
)
sessions_lost = Counter(
    "citywifi_radius_sessions_lost_total",
    "Accounting sessions closed because nothing was heard of them for three interim intervals.",
)
dynamic_authorizations = Counter(
    "citywifi_radius_dynamic_authorizations_total",
    "Sessions that we asked access equipment to end (disconnect) or to change (coa), by result.",
    ["action", "result"],
)

radsec_connections = Gauge(
    "citywifi_radius_radsec_connections",
    "RadSec connections of known equipment.",
    multiprocess_mode="livesum",
)
radsec_connections_limit = Gauge(
    "citywifi_radius_radsec_connections_limit",
    "How many RadSec connections there may be at the same time.",
    multiprocess_mode="livesum",
)
radsec_handshakes = Gauge(
    "citywifi_radius_radsec_handshakes",
    "RadSec connections whose certificate is not known yet.",
    multiprocess_mode="livesum",
)
radsec_handshakes_limit = Gauge(
    "citywifi_radius_radsec_handshakes_limit",
    "How many RadSec connections may be in their handshake at the same time.",
    multiprocess_mode="livesum",
)
radsec_refusals = Counter(
    "citywifi_radius_radsec_refusals_total", "RadSec connections that were not let in, by reason.", ["reason"]
)
radsec_closed = Counter("citywifi_radius_radsec_closed_total", "RadSec connections that ended, by reason.", ["reason"])
policies = Gauge(
    "citywifi_radius_policies",
    "Policies that are in force.",
    multiprocess_mode="livemax",
)
quota_sessions_over = Gauge(
    "citywifi_radius_quota_sessions_over",
    "Open sessions whose daily time or data is used up, or whose place has closed, at the latest check.",
    multiprocess_mode="livemax",
)
quota_endings = Counter(
    "citywifi_radius_quota_endings_total",
    "Attempts to end a session that is over, by why it is and what its equipment did.",
    ["reason", "result"],
)
quota_attempts_remembered = Gauge(
    "citywifi_radius_quota_attempts_remembered",
    "Sessions that are remembered, so that their equipment is not asked again and again.",
    multiprocess_mode="livesum",
)
quota_attempts_limit = Gauge(
    "citywifi_radius_quota_attempts_limit",
    "How many sessions may be remembered for that.",
    multiprocess_mode="livesum",
)
certificate_expiry_seconds = Gauge(
    "citywifi_radius_certificate_expiry_seconds",
    "Until a certificate expires, by what it is for; negative afterwards, 0 for one that cannot be read.",
    ["certificate"],
    multiprocess_mode="livemin",
)
radsec_client_connections = Gauge(
    "citywifi_radius_radsec_client_connections",
    "RadSec connections that we made to other operators' servers.",
    multiprocess_mode="livesum",
)
recent_residents = Gauge(
    "citywifi_radius_recent_residents",
    "Residents whose devices were just let on and count although their session is not known yet.",
    multiprocess_mode="livesum",
)
recent_residents_limit = Gauge(
    "citywifi_radius_recent_residents_limit",
    "How many residents may be remembered for that.",
    multiprocess_mode="livesum",
)
usage_unknown = Counter(
    "citywifi_radius_usage_unknown_total",
    "Devices let on without their daily limits being checked, because the database did not answer.",
)
