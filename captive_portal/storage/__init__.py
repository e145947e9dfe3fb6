"""The portal's statements to the database, one file per subject; no SQL stands anywhere else in the portal."""
