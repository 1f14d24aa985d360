"""Mechanism Y: streams the landing zone, keeps the state, reports detections."""
