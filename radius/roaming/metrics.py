"""What roaming counts. Realms and servers are labelled by their names in the table, never by what a packet says."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

realms = Gauge(
    "citywifi_radius_realms",
    "Realms whose residents are authenticated elsewhere.",
    multiprocess_mode="livemax",
)
unusable_home_servers = Gauge(
    "citywifi_radius_unusable_home_servers",
    "Home servers whose row cannot be used: secret sealed by another key, or transport not known.",
    multiprocess_mode="livemax",
)
home_server_state = Gauge(
    "citywifi_radius_home_server_state",
    "1 for the state in which a home server is (alive, suspected, down), else 0; by server and port.",
    ["server", "state"],
    multiprocess_mode="livemax",
)
answer_seconds = Histogram(
    "citywifi_radius_home_server_answer_seconds",
    "How long a home server took to answer, by server.",
    ["server"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4),
)
home_server_discards = Counter(
    "citywifi_radius_home_server_discards_total",
    "Datagrams from home servers that were no answer to anything asked, by reason.",
    ["reason"],
)

proxied = Counter(
    "citywifi_radius_proxied_requests_total",
    "Access-Requests that were proxied, by realm and result.",
    ["realm", "result"],
)
proxy_drops = Counter(
    "citywifi_radius_proxy_drops_total",
    "Requests and replies that were not passed on, by reason.",
    ["reason"],
)
in_flight = Gauge(
    "citywifi_radius_proxied_requests_in_flight",
    "Access-Requests that wait for a home server.",
    multiprocess_mode="livesum",
)
in_flight_limit = Gauge(
    "citywifi_radius_proxied_requests_in_flight_limit",
    "How many Access-Requests may wait for home servers (roaming.most_proxied).",
    multiprocess_mode="livesum",
)
conversations = Gauge(
    "citywifi_radius_proxied_conversations",
    "Conversations of several rounds that stick to the home server that began them.",
    multiprocess_mode="livesum",
)
conversations_limit = Gauge(
    "citywifi_radius_proxied_conversations_limit",
    "How many such conversations are remembered; the oldest are forgotten first.",
    multiprocess_mode="livesum",
)

forwarded = Counter(
    "citywifi_radius_forwarded_accounting_total",
    "Accounting records that a home server has taken, by realm.",
    ["realm"],
)
forwarding_drops = Counter(
    "citywifi_radius_forwarded_accounting_drops_total",
    "Accounting records that were stored here but did not reach the home server, by reason.",
    ["reason"],
)
waiting = Gauge(
    "citywifi_radius_forwarded_accounting_waiting",
    "Accounting records that wait for a home server.",
    multiprocess_mode="livesum",
)
waiting_limit = Gauge(
    "citywifi_radius_forwarded_accounting_waiting_limit",
    "How many accounting records may wait for home servers (roaming.most_proxied).",
    multiprocess_mode="livesum",
)
