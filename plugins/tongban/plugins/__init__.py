"""Built-in plugins; each enters by the entry-point group ``tongban.plugins``, like everybody's."""
