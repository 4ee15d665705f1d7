// nautilusctl render --env ENV [-f FILE] [--set a=b] [--output-dir k8s/] [-o yaml|json]
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/services.h"
#include "core/apply/desired.h"
#include "core/apply/k8s_tree.h"
#include "core/value/yaml.h"

namespace nautilus::cli {

namespace {

Result<> write_tree(const Context& context, const env::Environment& env, const apply::Desired& desired,
                    const std::string& directory) {
  const std::string rules_file = env.chart + "/k8s-tree.yaml";
  ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(rules_file));
  ASSIGN_OR_RETURN(const Json rules, value::parse_yaml(text, rules_file));
  ASSIGN_OR_RETURN(const apply::Tree tree, apply::arrange(desired, rules, rules_file));
  for (const auto& [path, objects] : tree) {
    TRY(context.ports.files.write(directory + "/" + path, apply::tree_file_text(objects)));
    context.note(
        fmt::format("wrote {}/{} ({} object{})", directory, path, objects.size(), objects.size() == 1 ? "" : "s"));
  }
  return {};
}

Result<int> render(Context& context, const ValuesFlags& flags, const std::string& output_dir) {
  ASSIGN_OR_RETURN(const auto env, context.environment(flags.env));
  auto services = render_services(context);
  ASSIGN_OR_RETURN(const auto desired, apply::render(context.ports.files, env, flags.overrides, services));
  for (const auto& warning : desired.warnings) context.warn(warning);
  if (!output_dir.empty()) {
    TRY(write_tree(context, env, desired, output_dir).within("writing " + output_dir));
    return 0;
  }
  if (context.flags.format == Format::json) {
    Json items = Json::array();
    for (const auto& object : desired.objects) items.push_back(object.manifest);
    context.print(Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}});
    return 0;
  }
  std::vector<const apply::DesiredObject*> all;
  for (const auto& object : desired.objects) all.push_back(&object);
  context.print(std::string_view(apply::tree_file_text(all)));
  return 0;
}

}  // namespace

void add_render(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("render", "print the objects of an environment");
  auto flags = std::make_shared<ValuesFlags>();
  auto output_dir = std::make_shared<std::string>();
  add_values(*command, *flags);
  command->add_option("--output-dir", *output_dir, "write the k8s/ tree for kubectl apply -f instead of printing")
      ->type_name("DIR");
  command->callback([&context, flags, output_dir] {
    context.run = [flags, output_dir](Context& c) { return render(c, *flags, *output_dir); };
  });
}

}  // namespace nautilus::cli
