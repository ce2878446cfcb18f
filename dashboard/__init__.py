"""Recon Dashboard: see, judge and take home what a reconstruction pipeline left."""

__version__ = "0.1.0"
