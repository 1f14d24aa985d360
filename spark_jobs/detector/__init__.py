"""Mechanism Y: streams the chunks, keeps the state, and writes detections."""
