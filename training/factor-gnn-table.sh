#!/bin/sh
# Trains factor-gnn with each of its six node models on three targets (20 runs, about 15 minutes on 2 idle cores) and
# evaluates them beside factors that need no training. With the argument "paper": the published settings (12 runs, many
# hours).
# Run it from the repository's root; FEMPIPE names another binary than the one on the path.
set -e
fempipe=${FEMPIPE:-fempipe}
nodes="mlp gat gen mpnn graph-transformer fast-graph-transformer"
generate() {
    [ -f datasets/$1.h5 ] || $fempipe generate datasets/$1.toml
}
if [ "$1" = paper ]; then
    generate tridiagonal-paper
    generate darcy-koptimal-paper
    for family in tridiagonal darcy; do
        for node in $nodes; do
            $fempipe train training/$family-factor-gnn-paper.toml --set factor-gnn.node=$node \
                -o training/$family-paper-$node --force
        done
        $fempipe evaluate training/$family-factor-gnn-paper-evaluate.toml -o training/$family-factor-gnn-paper-report
    done
    exit
fi
generate tridiagonal-independent
generate darcy-koptimal
generate frame-koptimal
for family in tridiagonal darcy frame; do
    for node in $nodes; do
        $fempipe train training/$family-factor-gnn.toml --set factor-gnn.node=$node -o training/$family-$node --force
    done
    [ $family = frame ] ||
        $fempipe train training/$family-factor-gnn.toml --set factor-gnn.order=false \
            -o training/$family-mpnn-unordered --force
    $fempipe evaluate training/$family-factor-gnn-evaluate.toml -o training/$family-factor-gnn-report
done
