"""The console's lists, forms and pages of this app."""
