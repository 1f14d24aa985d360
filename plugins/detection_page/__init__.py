"""The Pattern detection page in the Airflow UI: is it running, is it late, what did it find. It only reads."""

# Where the app is mounted, and the page's name in Airflow's own addresses (/plugin/…).
PREFIX = "/pattern-detection"
ROUTE = "pattern-detection"
