"""Airflow's side of the pipeline: observe the lake, judge it, supervise the detector, notify people."""
