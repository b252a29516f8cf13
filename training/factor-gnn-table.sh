#!/bin/sh
# Trains factor-gnn with each of its six node models on both targets (12 runs, about 10 minutes on 2 cores) and evaluates them.
# Run it from the repository's root; FEMPIPE names another binary than the one on the path.
set -e
fempipe=${FEMPIPE:-fempipe}
for data in tridiagonal-independent darcy-koptimal; do
    [ -f datasets/$data.h5 ] || $fempipe generate datasets/$data.toml
done
for family in tridiagonal darcy; do
    for node in mlp gat gen mpnn graph-transformer fast-graph-transformer; do
        $fempipe train training/$family-factor-gnn.toml --set factor-gnn.node=$node -o training/$family-$node --force
    done
    $fempipe train training/$family-factor-gnn.toml --set factor-gnn.order=false -o training/$family-mpnn-unordered --force
    $fempipe evaluate training/$family-factor-gnn-evaluate.toml -o training/$family-factor-gnn-report
done
