// nautilusctl completion bash|zsh|fish: made from the declared commands and flags, so that it cannot fall behind them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands/commands.h"

namespace nautilus::cli {

namespace {

struct Verb {
  std::string path;                // "sim serve"; "" for the program itself
  std::vector<std::string> words;  // subcommands and flags
};

void collect(const CLI::App& app, const std::string& path, const std::vector<std::string>& inherited,
             std::vector<Verb>& verbs) {
  Verb verb{path, {}};
  std::vector<std::string> flags = inherited;
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  std::sort(flags.begin(), flags.end());
  flags.erase(std::unique(flags.begin(), flags.end()), flags.end());
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* child : children) verb.words.push_back(child->get_name());
  verb.words.insert(verb.words.end(), flags.begin(), flags.end());
  verbs.push_back(verb);
  for (const CLI::App* child : children)
    collect(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), flags, verbs);
}

std::string bash_script(const std::vector<Verb>& verbs) {
  std::string cases;
  for (const auto& verb : verbs)
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", verb.path, fmt::join(verb.words, " "));
  return "# bash completion for nautilusctl; made by `nautilusctl completion bash`\n"
         "_nautilusctl() {\n"
         "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" verb=\"\" words=\"\" word\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case \"$word\" in -*) ;; *) case \" $(_nautilusctl_words \"$verb\") \" in\n"
         "      *\" $word \"*) verb=\"${verb:+$verb }$word\" ;; esac ;; esac\n"
         "  done\n"
         "  case \"$prev\" in\n"
         "    --env|-e) words=\"$(nautilusctl environments 2>/dev/null)\" ;;\n"
         "    --output|-o) words=\"text json yaml\" ;;\n"
         "    *) words=\"$(_nautilusctl_words \"$verb\")\" ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "}\n"
         "_nautilusctl_words() {\n"
         "  local words=\"\"\n"
         "  case \"$1\" in\n" +
         cases +
         "  esac\n"
         "  echo \"$words\"\n"
         "}\n"
         "complete -o default -F _nautilusctl nautilusctl\n";
}

std::string zsh_script(const std::vector<Verb>& verbs) {
  return "#compdef nautilusctl\n# made by `nautilusctl completion zsh`\nautoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(verbs);
}

std::string fish_script(const std::vector<Verb>& verbs) {
  std::string out = "# fish completion for nautilusctl; made by `nautilusctl completion fish`\n";
  for (const auto& verb : verbs) {
    const std::string when =
        verb.path.empty() ? "__fish_use_subcommand"
                          : fmt::format("__fish_seen_subcommand_from {}", verb.path.substr(verb.path.rfind(' ') + 1));
    for (const auto& word : verb.words) {
      if (word.starts_with("--"))
        out += fmt::format("complete -c nautilusctl -n '{}' -l {}\n", when, word.substr(2));
      else
        out += fmt::format("complete -c nautilusctl -f -n '{}' -a {}\n", when, word);
    }
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("completion", "print the completion script of a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, &context, shell] {
    context.run = [&app, shell](Context& c) -> Result<int> {
      std::vector<Verb> verbs;
      collect(app, "", {}, verbs);
      c.print(std::string_view(*shell == "bash"  ? bash_script(verbs)
                               : *shell == "zsh" ? zsh_script(verbs)
                                                 : fish_script(verbs)));
      return 0;
    };
  });
}

}  // namespace nautilus::cli
