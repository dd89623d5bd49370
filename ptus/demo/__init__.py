"""`ptus demo`: a photograph lifted into a volume and moved by keypoints without any network, then by the model."""
