"""VGG16 (Simonyan and Zisserman 2014) with ImageNet weights."""

from fer.models.common.registry import register
from fer.models.common.vgg import IMAGENET, vgg16

register("vgg16", "VGG16", preprocessing="torch", pretrained=IMAGENET)(vgg16)
