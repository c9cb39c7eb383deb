# shellcheck shell=bash
mongodb_servers() { :; }
mongodb_stop() { :; }
