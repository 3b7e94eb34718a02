#!/bin/sh
# relative_paths.sh ROOT UP COMMAND...: runs COMMAND, which compiles, with UP in place of ROOT wherever an argument names a path below
# it. To g++ the path of a source is part of what a function is called in a profile; so named, it fits in every clone.
root=$1 up=$2
shift 2
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  case $argument in
  "$root"/*) argument=$up/${argument#"$root"/} ;;
  -I"$root"/*) argument=-I$up/${argument#-I"$root"/} ;;
  esac
  set -- "$@" "$argument"
  left=$((left - 1))
done
exec "$@"
