"""The Pattern detection page in the Airflow UI: what runs, what is late, what was found. It only reads."""

# Where the app is mounted, and the page's name in Airflow's own addresses (/plugin/…).
PREFIX = "/pattern-detection"
ROUTE = "pattern-detection"
# The page's name in Airflow's navigation.
LABEL = "Patterns"
