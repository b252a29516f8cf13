#!/bin/sh
# What precorrector does to systems unlike those that it was trained on, with and without its guard: makes eight test
# systems of each kind, trains the network on elliptic cubes of 13^3 (a minute on 2 idle cores) where it is not there,
# and evaluates.
# Run it from the repository's root; FEMPIPE names another binary than the one on the path.
set -e
fempipe=${FEMPIPE:-fempipe}
make() { # make OUTPUT RECIPE [--set ...]: eight test systems of a seed of their own
    out=datasets/transfer-$1.h5 recipe=datasets/$2.toml
    shift 2
    [ -f $out ] || $fempipe generate $recipe --samples 8 --seed 11 --set split.train=0 --set split.validation=0 \
        --set split.test=8 "$@" -o $out
}
make size elliptic-cube-32
make contrast-2 elliptic-cube-contrast --set elliptic.contrast=2.0
make contrast-1e4 elliptic-cube-contrast --set elliptic.contrast=1e4
make darcy-cube darcy-cube-32
make darcy-p1 darcy-contrast
make darcy-q1 darcy-contrast --set darcy.discretisation=q1
make delaunay elliptic-1000
make biharmonic biharmonic-576
make frame frame-small
if [ ! -d training/elliptic-cube-precorrector ]; then
    [ -f datasets/elliptic-cube-contrast.h5 ] || $fempipe generate datasets/elliptic-cube-contrast.toml
    $fempipe train training/elliptic-cube-precorrector.toml
fi
$fempipe evaluate training/precorrector-transfer-evaluate.toml
