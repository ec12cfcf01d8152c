// One message of an answer, in each API: any bytes are read or refused.
#include "fuzz/splits.h"
#include "wire/llama_api.h"
#include "wire/ollama_api.h"
#include "wire/openai_api.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nw;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto parse : {wire::parse_llama_chunk, wire::parse_openai_chunk, wire::parse_ollama_chunk}) {
    const auto chunk = parse(text);
    if (!chunk) {
      fuzz::require(!chunk.error().message.empty(), "a refusal says why");
      continue;
    }
    for (const auto& counter :
         {chunk->counters.prompt_tokens, chunk->counters.cached_tokens, chunk->counters.generated_tokens}) {
      fuzz::require(!counter || *counter >= 0, "no negative counter");
    }
  }
  (void)wire::parse_openai_models(text);
  (void)wire::parse_llama_props(text);
  (void)wire::parse_llama_tokens(text);
  (void)wire::parse_ollama_show(text);
  return 0;
}
