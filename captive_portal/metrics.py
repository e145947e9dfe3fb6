"""What the portal counts. No label names a person, a device or a journey."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from foundation.tally import SummedHistogram

arrivals = Counter(
    "citywifi_portal_arrivals_total",
    "Redirects from gateways, by kind of gateway and by what they said or why they were refused.",
    ["driver", "result"],
)
journeys = Counter("citywifi_portal_journeys_total", "Journeys that reached a state, by state.", ["state"])
codes = Counter(
    "citywifi_portal_verification_codes_total",
    "Verification codes, by what became of them: sent, right, or why not.",
    ["result"],
)
vouchers = Counter(
    "citywifi_portal_vouchers_total",
    "Codes from paper and of sponsors that were typed, by what they were: right, or why not.",
    ["result"],
)
problem_reports = Counter(
    "citywifi_portal_problem_reports_total",
    "Problems that residents reported, by kind, and what became of the report: stored, or why not.",
    ["kind", "result"],
)
problem_report_limit = Gauge(
    "citywifi_portal_problem_report_limit",
    "How many problems may be reported in an hour, by what is limited.",
    ["by"],
    multiprocess_mode="livemostrecent",
)
carry_on_addresses = Counter(
    "citywifi_portal_carry_on_addresses_total",
    "Short addresses to carry on in another browser, by what happened: made, opened, or not good any more.",
    ["result"],
)
credentials = Counter(
    "citywifi_portal_credentials_total",
    "User names for the secure network, by what happened: made, revoked, or why none was made.",
    ["result"],
)
credential_limit = Gauge(
    "citywifi_portal_credential_limit",
    "How many user names for the secure network a resident can have, or get in an hour, by what is limited.",
    ["by"],
    multiprocess_mode="livemostrecent",
)
releases = Counter(
    "citywifi_portal_releases_total",
    "Browsers sent to their gateway, by kind of gateway and purpose.",
    ["driver", "purpose"],
)
controller_calls = Counter(
    "citywifi_portal_controller_calls_total",
    "Calls of gateways' controllers, by kind of gateway, what was asked for and what came of it.",
    ["driver", "operation", "result"],
)
polled_grants = Counter(
    "citywifi_portal_polled_grants_total",
    "Grants for gateways that come and ask: left ready, or why not.",
    ["result"],
)
gateway_reports = Counter(
    "citywifi_portal_gateway_reports_total",
    "What gateways came to say or to ask at their own addresses, by kind of gateway, by what, and what became of it.",
    ["driver", "action", "result"],
)
polling_gateway_limit = Gauge(
    "citywifi_portal_polling_gateway_limit",
    "How many gateways can be counted at once to limit how often each comes.",
    multiprocess_mode="livemostrecent",
)
polling_gateways = Gauge(
    "citywifi_portal_polling_gateways",
    "Gateways that are counted to limit how often each comes.",
    multiprocess_mode="livemostrecent",
)
polling_gateway_evictions = Counter(
    "citywifi_portal_polling_gateway_evictions_total",
    "Gateways whose count was given up for want of room.",
)
mail_failures = Counter(
    "citywifi_portal_mail_failures_total", "Mail that could not be handed over, by reason.", ["reason"]
)
text_failures = Counter(
    "citywifi_portal_text_failures_total", "Texts that could not be handed over, by reason.", ["reason"]
)
refused_requests = Counter(
    "citywifi_portal_refused_requests_total", "Requests that were not served, by reason.", ["reason"]
)
PAGE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)
page_duration = SummedHistogram(
    "citywifi_portal_page_duration_seconds", "Time to answer a request, by page.", ["page"], buckets=PAGE_SECONDS
)
open_journeys = Gauge(
    "citywifi_portal_open_journeys",
    "Residents on their way: journeys that are neither online nor over.",
    multiprocess_mode="livemostrecent",
)
erasures = Counter("citywifi_portal_erasures_total", "How often a resident had everything deleted.")
information_requests = Counter(
    "citywifi_portal_information_requests_total",
    "Complaints and other requests about data, by kind and by what happened to them.",
    ["kind", "happened"],
)
information_request_limit = Gauge(
    "citywifi_portal_information_request_limit",
    "How many requests about data a council takes by form in an hour.",
    multiprocess_mode="livemostrecent",
)
code_limit = Gauge(
    "citywifi_portal_verification_code_limit",
    "How many codes may be asked for in an hour, by what is limited.",
    ["by"],
    multiprocess_mode="livemostrecent",
)
body_limit = Gauge(
    "citywifi_portal_request_body_limit_octets",
    "The largest form that is read.",
    multiprocess_mode="livemostrecent",
)
essential_sites_unreachable = Gauge(
    "citywifi_portal_essential_sites_unreachable",
    "Sites that can be opened before login and did not answer when the portal last looked, of all councils.",
    multiprocess_mode="livemostrecent",
)
connections = Gauge(
    "citywifi_portal_connections",
    "Connections that are open: all, and of the address that has most.",
    ["by"],
    multiprocess_mode="livesum",
)
connection_limit = Gauge(
    "citywifi_portal_connection_limit",
    "How many connections may be open: in all, and of one address.",
    ["by"],
    multiprocess_mode="livemostrecent",
)
connections_ended = Counter(
    "citywifi_portal_connections_ended_total",
    "Connections that we ended or did not take, by reason: what their client was slow with, to make room, or no room.",
    ["reason"],
)
client_patience = Gauge(
    "citywifi_portal_client_patience_seconds",
    "How long a client may take to send a request's head or body, and to take an answer.",
    multiprocess_mode="livemostrecent",
)
header_limit = Gauge(
    "citywifi_portal_request_header_limit_octets",
    "The largest head of a request that is read.",
    multiprocess_mode="livemostrecent",
)
