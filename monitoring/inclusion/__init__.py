"""Who the public WiFi reaches: indicators by ward and deprivation, made safe to publish, and published."""
