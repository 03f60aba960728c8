"""Writers: what turns a brief and a prospect into words. All behind one interface, `campaigns.writers.base.Writer`."""
