#!/bin/sh
# Table 2 of Grementieri & Galeone at small scale: which iterates as features, which loss. 13 short trainings of nsls on 300 frames,
# about 15 minutes on 2 cores; run it from the repository's root. FEMPIPE names another binary than the one on the path.
set -e
fempipe=${FEMPIPE:-fempipe}
[ -f datasets/frame.h5 ] || $fempipe generate datasets/frame.toml
for features in none jacobi arnoldi cg; do
    for loss in solution residual both; do
        $fempipe train training/frame-nsls.toml --set samples=300 --set epochs=6 --set validation.every=6 \
            --set nsls.features=$features --set nsls.loss=$loss -o training/ablation-$features-$loss --force
    done
done
$fempipe train training/frame-nsls.toml --set samples=300 --set epochs=6 --set validation.every=6 \
    --set nsls.loss=energy --set nsls.directions=4 -o training/ablation-cg-energy --force
$fempipe evaluate training/nsls-ablation-evaluate.toml -o training/nsls-ablation-report
