// SPDX-License-Identifier: Apache-2.0
// Records go in, through a function of this program, and come out again.
#include <dataflow.hpp>

#include <iostream>

int main()
{
    dataflow::Env env;
    env.transform("total", [](dataflow::Record &r) { r.set("total", r.get("price").number() * r.get("quantity").number()); });
    auto flow = dataflow::Pipeline::from_yaml(env, "{source: {type: host}, transformations: [{type: total}], sink: {type: host}}");
    auto feed = flow.feed();
    auto take = flow.take();
    flow.start();
    feed.push(R"({"price": 1.5, "quantity": 4})");
    feed.close();
    while (auto parcel = take.take()) {
        for (size_t i = 0; i < parcel->size(); i++)
            std::cout << *parcel->payload(i) << "\n";
        parcel->done();
    }
    flow.wait();
}
