"""Games of images with their segmentations (section 6 and appendix D of the paper): data sets, networks."""
