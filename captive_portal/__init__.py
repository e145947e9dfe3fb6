"""The captive portal: what a resident sees between joining the WiFi and being online."""
