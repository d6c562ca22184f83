"""The paper's variational autoencoders of small images."""
