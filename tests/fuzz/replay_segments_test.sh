#!/usr/bin/env bash
# replay_segments_test.sh CORPUS_OF_SEGMENTS REPLAY: fuzz_segment over the segment files of its own.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/segments"
"$1" "$scratch/segments"
"$2" "$scratch"/segments/*
