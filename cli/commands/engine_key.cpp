// nautilusctl engine key: a new API key for the gateway's credentials file
#include "cli/commands/engine.h"
#include "engine/gateway/auth.h"

namespace nautilus::cli {

namespace {

struct KeyFlags {
  std::string id, principal;
};

// The key goes to its owner; the file gets what cannot be turned back into it.
Result<int> make_key(Context& context, const KeyFlags& flags) {
  const engine::NewApiKey made = engine::make_api_key(context.ports.entropy, flags.id);
  const std::string entry = fmt::format("keys:\n  - {{id: {}, principal: {}, salt: {}, hash: {}}}\n", flags.id,
                                        flags.principal, made.salt_hex, made.hash_hex);
  if (!context.text()) {
    context.print(Json{{"key", made.key},
                       {"id", flags.id},
                       {"principal", flags.principal},
                       {"salt", made.salt_hex},
                       {"hash", made.hash_hex}});
  } else {
    context.print(std::string_view(made.key + "\n"));
    context.note("that is the only copy of the key; for the credentials file:\n" + entry);
  }
  return 0;
}

}  // namespace

void add_engine_key(CLI::App& group, Context& context) {
  auto* command =
      group.add_subcommand("key", "make an API key: the key on stdout, its line of the credentials file on stderr");
  auto flags = std::make_shared<KeyFlags>();
  // Both become YAML and part of the key, so that they are plain words.
  const CLI::Validator word(
      [](std::string& text) {
        const bool plain = !text.empty() &&
                           text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
                               std::string::npos;
        return plain ? std::string() : "only letters, digits, - and _";
      },
      "NAME");
  command->add_option("--id", flags->id, "name of the key, unique in the file")
      ->required()
      ->check(word)
      ->type_name("NAME");
  command->add_option("--principal", flags->principal, "who it is for: a principal of the file")
      ->required()
      ->check(word)
      ->type_name("NAME");
  command->callback([&context, flags] { context.run = [flags](Context& c) { return make_key(c, *flags); }; });
}

}  // namespace nautilus::cli
