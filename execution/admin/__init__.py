"""The console's lists, forms and pages of this app. One module a noun; pages of our own stand beside the lists."""
