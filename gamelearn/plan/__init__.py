"""From terms and samplers to flat lists of named steps."""
