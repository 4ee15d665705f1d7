// nautilusctl bundle create --env ENV --output FILE | bundle verify FILE
#include "core/bundle/bundle.h"

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/source.h"

namespace nautilus::cli {

namespace {

std::size_t unpinned(const Json& index) {
  std::size_t count = 0;
  for (const Json& image : index["images"]) count += image["digest"].is_null() ? 1 : 0;
  return count;
}

std::string summary(const Json& index) {
  return fmt::format("{}: {} files, {} operators, {} images ({} without a digest)",
                     value::string_at(index, "environment"), index["files"].size(), index["operators"].size(),
                     index["images"].size(), unpinned(index));
}

Result<int> create(Context& context, const std::string& name, const std::string& output) {
  ASSIGN_OR_RETURN(auto source, Source::open(context, name, ""));
  ASSIGN_OR_RETURN(const std::string project, context.project());
  ASSIGN_OR_RETURN(const auto desired, source->render({}));
  ASSIGN_OR_RETURN(const auto operators, source->render_operators());
  bundle::CreateInput input{project, source->env, desired, operators, {}};
  for (const auto& op : operators)
    if (op.op->chart.remote()) input.packages[op.op->name] = op.archive;
  ASSIGN_OR_RETURN(const auto created, bundle::create(source->files(), input));
  TRY(context.ports.files.write(output, created.bytes).within("writing the bundle"));
  if (!context.text()) {
    Json json = created.index;
    json["bundle"] = {{"file", output}, {"size", created.bytes.size()}, {"digest", created.digest}};
    context.print(json);
    return 0;
  }
  context.print(std::string_view(
      fmt::format("{}\n{} ({} bytes, {})\n", summary(created.index), output, created.bytes.size(), created.digest)));
  if (const auto count = unpinned(created.index); count > 0)
    context.note(fmt::format("{} images have no digest in what is rendered: -o json lists them", count));
  return 0;
}

// Beyond the digests of its files: its operators' charts are those that its environment pins.
Result<int> verify(Context& context, const std::string& file) {
  ASSIGN_OR_RETURN(auto source, Source::open(context, "", file));
  for (const auto& op : source->env.operators)
    if (op.ours) TRY(apply::load_operator_chart(source->access(), source->env, op));
  const Json& index = source->bundle()->index();
  if (context.text())
    context.print(std::string_view(summary(index) + "\nevery file is what the index says\n"));
  else
    context.print(Json{{"good", true},
                       {"environment", index["environment"]},
                       {"files", index["files"].size()},
                       {"operators", index["operators"]},
                       {"images", index["images"]}});
  return 0;
}

}  // namespace

void add_bundle_command(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("bundle", "everything a deploy needs in one file, for clusters without internet");
  group->require_subcommand(1);
  auto* make = group->add_subcommand("create", "gather an environment, its chart and its operators' charts");
  auto name = std::make_shared<std::string>(), output = std::make_shared<std::string>();
  add_env(*make, *name);
  // Elsewhere --output is the format of what is printed; here that is -o alone.
  make->add_option("--output", *output, "the bundle to write")->required()->type_name("FILE");
  make->callback(
      [&context, name, output] { context.run = [name, output](Context& c) { return create(c, *name, *output); }; });
  auto* check = group->add_subcommand("verify", "check a bundle against its index and its pins");
  auto file = std::make_shared<std::string>();
  check->add_option("FILE", *file, "the bundle")->required();
  check->callback([&context, file] { context.run = [file](Context& c) { return verify(c, *file); }; });
}

}  // namespace nautilus::cli
