#compdef nautilusctl
# made by `nautilusctl completion zsh`
autoload -U +X bashcompinit && bashcompinit
# bash completion for nautilusctl; made by `nautilusctl completion bash`
_nautilusctl() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" verb="" words="" word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) case " $(_nautilusctl_words "$verb") " in
      *" $word "*) verb="${verb:+$verb }$word" ;; esac ;; esac
  done
  case "$prev" in
    --env|-e) words="$(nautilusctl environments 2>/dev/null)" ;;
    --output|-o) words="text json yaml" ;;
    *) words="$(_nautilusctl_words "$verb")" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
_nautilusctl_words() {
  local words=""
  case "$1" in
    "") words="environments render diff deploy adopt release status history rollback backup restore destroy rehearse bundle verify explain doctor calendar upgrade controller audit sim engine completion version --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "environments") words="--context --help --kubeconfig --output --project --quiet --verbose" ;;
    "render") words="--bundle --context --env --help --kubeconfig --operator --output --output-dir --project --quiet --set --set-file --set-json --set-literal --set-string --stand-in-crds --values --verbose" ;;
    "diff") words="--allow-removal --bundle --context --env --help --kubeconfig --operator --output --project --quiet --save-plan --set --set-file --set-json --set-literal --set-string --take-from --values --verbose" ;;
    "deploy") words="--allow-removal --bundle --context --dry-run --env --help --kubeconfig --lock-timeout --no-wait --operator --output --plan --project --quiet --set --set-file --set-json --set-literal --set-string --take-from --take-over-lock --timeout --values --verbose --wait --yes" ;;
    "adopt") words="--allow-restart --context --dry-run --env --from-helm --from-kubectl --help --kubeconfig --output --project --quiet --set --set-file --set-json --set-literal --set-string --take-over-lock --values --verbose --yes" ;;
    "release") words="export --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "release export") words="--context --dry-run --env --help --kubeconfig --output --project --quiet --release --set --set-file --set-json --set-literal --set-string --take-over-lock --values --verbose --yes" ;;
    "status") words="--all --context --env --help --kubeconfig --operator --output --project --quiet --verbose" ;;
    "history") words="--context --env --help --kubeconfig --operator --output --project --quiet --verbose" ;;
    "rollback") words="--allow-removal --context --env --help --kubeconfig --lock-timeout --no-wait --output --project --quiet --reason --take-from --take-over-lock --timeout --to --verbose --wait --yes" ;;
    "backup") words="create list describe logs delete status --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "backup create") words="--context --env --from-schedule --help --include-namespaces --keep --kubeconfig --location --name --output --project --quiet --take-over-lock --timeout --velero-namespace --verbose --wait" ;;
    "backup list") words="--context --env --help --kubeconfig --output --project --quiet --velero-namespace --verbose" ;;
    "backup describe") words="--cacert --context --env --help --insecure-skip-tls-verify --kubeconfig --output --project --quiet --velero-namespace --verbose" ;;
    "backup logs") words="--cacert --context --env --help --insecure-skip-tls-verify --kubeconfig --output --project --quiet --velero-namespace --verbose" ;;
    "backup delete") words="--context --env --help --kubeconfig --output --project --quiet --timeout --velero-namespace --verbose --wait --yes" ;;
    "backup status") words="--context --env --help --kubeconfig --output --project --quiet --velero-namespace --verbose" ;;
    "restore") words="create list describe logs --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "restore create") words="--allow-partial --cacert --context --dry-run --env --existing --from --from-schedule --help --insecure-skip-tls-verify --kubeconfig --name --namespace-map --output --project --quiet --take-over-lock --timeout --to-time --velero-namespace --verbose --wait --yes" ;;
    "restore list") words="--context --env --help --kubeconfig --output --project --quiet --velero-namespace --verbose" ;;
    "restore describe") words="--cacert --context --env --help --insecure-skip-tls-verify --kubeconfig --output --project --quiet --velero-namespace --verbose" ;;
    "restore logs") words="--cacert --context --env --help --insecure-skip-tls-verify --kubeconfig --output --project --quiet --velero-namespace --verbose" ;;
    "destroy") words="--allow-removal --context --delete-data --env --help --kubeconfig --lock-timeout --no-wait --operator --output --project --quiet --take-from --take-over-lock --timeout --verbose --wait --yes" ;;
    "rehearse") words="deploy --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "rehearse deploy") words="--bundle --context --env --help --kubeconfig --nodes --output --project --quiet --report --seed --set --set-file --set-json --set-literal --set-string --values --verbose" ;;
    "bundle") words="create verify --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "bundle create") words="--context --env --help --kubeconfig --output --project --quiet --verbose" ;;
    "bundle verify") words="--context --help --kubeconfig --output --project --quiet --verbose" ;;
    "verify") words="--context --date --env --help --kubeconfig --only --output --project --quiet --set --set-file --set-json --set-literal --set-string --strict --values --verbose --with" ;;
    "explain") words="--context --help --kubeconfig --output --project --quiet --verbose" ;;
    "doctor") words="explain --context --env --help --junit --kubeconfig --output --project --quiet --verbose" ;;
    "doctor explain") words="--context --env --help --junit --kubeconfig --output --project --quiet --verbose" ;;
    "calendar") words="explain check next-window timeline list verify sign --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "calendar explain") words="--at --context --env --help --kubeconfig --output --project --quiet --venue --verbose --zone" ;;
    "calendar check") words="--at --context --env --for --help --kubeconfig --output --project --quiet --venue --verbose --zone" ;;
    "calendar next-window") words="--context --env --for --from --help --kubeconfig --output --project --quiet --venue --verbose --zone" ;;
    "calendar timeline") words="--context --env --from --help --kubeconfig --output --project --quiet --until --venue --verbose --zone" ;;
    "calendar list") words="--context --env --help --kubeconfig --output --project --quiet --venue --verbose" ;;
    "calendar verify") words="--context --env --help --kubeconfig --output --project --quiet --venue --verbose" ;;
    "calendar sign") words="--context --help --key --kubeconfig --output --project --quiet --verbose" ;;
    "upgrade") words="plan run pause resume abort approve status --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "upgrade plan") words="--context --deadline --env --file --help --hold --image --kubeconfig --name --output --project --quiet --step --step-timeout --strategy --verbose" ;;
    "upgrade run") words="--context --detach --env --file --help --kubeconfig --lock-timeout --output --project --prometheus --quiet --report --verbose" ;;
    "upgrade pause") words="--context --env --help --kubeconfig --output --project --quiet --reason --verbose" ;;
    "upgrade resume") words="--context --env --help --kubeconfig --output --project --quiet --reason --verbose" ;;
    "upgrade abort") words="--context --env --help --kubeconfig --output --project --quiet --reason --verbose" ;;
    "upgrade approve") words="--context --env --expires --help --identity --key --kubeconfig --output --project --quiet --reason --scope --verbose" ;;
    "upgrade status") words="--context --env --help --kubeconfig --output --project --quiet --report --verbose --watch" ;;
    "controller") words="--context --env --every --help --kubeconfig --output --project --prometheus --quiet --verbose" ;;
    "audit") words="list verify export --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "audit list") words="--context --env --file --help --kubeconfig --last --output --project --quiet --verbose" ;;
    "audit verify") words="--against --context --env --file --help --kubeconfig --output --project --quiet --verbose" ;;
    "audit export") words="--context --env --file --help --kubeconfig --output --output-file --project --quiet --verbose" ;;
    "sim") words="serve --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "sim serve") words="--address --context --help --kubeconfig --nodes --output --port --project --quiet --seed --speed --verbose --write-kubeconfig" ;;
    "engine") words="serve inspect verify replay export key bench --context --help --kubeconfig --output --project --quiet --verbose" ;;
    "engine serve") words="--admin --config --context --definitions --help --journal --kubeconfig --listen --output --project --quiet --shard --take-over --verbose" ;;
    "engine inspect") words="--context --from --help --journal --kubeconfig --output --project --quiet --records --to --verbose" ;;
    "engine verify") words="--context --help --journal --kubeconfig --output --project --quiet --verbose" ;;
    "engine replay") words="--context --from-snapshot --help --journal --kubeconfig --output --project --quiet --to --verbose" ;;
    "engine export") words="--context --format --from --help --journal --kubeconfig --output --project --quiet --to --verbose" ;;
    "engine key") words="--context --help --id --kubeconfig --output --principal --project --quiet --verbose" ;;
    "engine bench") words="--context --help --journal --kubeconfig --only --orders --output --project --quiet --seed --verbose" ;;
    "completion") words="--context --help --kubeconfig --output --project --quiet --verbose" ;;
    "version") words="--context --help --kubeconfig --output --project --quiet --verbose" ;;
  esac
  echo "$words"
}
complete -o default -F _nautilusctl nautilusctl
